/// Words that hold sentences together, by language: the commonest of each, in small letters.
enum LanguageWords {
    /// Scripts with one language each, or with one that all others are rarer than, need no words.
    static let lists: [(tag: String, words: String)] = [
        (
            "en",
            "the of and to in is that it for was with as on be by are this which at from or have not an they but were their has had will would there what been if more when can who"
        ),
        (
            "de",
            "der die und das ist nicht ein eine zu den mit von dem des sich auf für im als auch es an werden aus er hat dass sie nach wird bei einer um am sind noch wie einem über so zum war haben nur oder aber vor zur bis durch"
        ),
        (
            "fr",
            "le la les de des et est un une du dans qui que pour par sur pas plus au avec ce il ne se sont aux ou cette ses mais comme nous vous être fait leur ont elle été deux même aussi son sa"
        ),
        (
            "es",
            "el la los las de que y en un una del se por con no para es al lo como más su pero sus le ya fue este ha sí porque esta son entre cuando muy sin sobre también me hasta hay donde"
        ),
        (
            "it",
            "il la di che e è un una per del della in con non si sono da al dei le lo nel come più ha gli anche alla delle ma ed nella o degli questo essere dal sua suo loro dell sul"
        ),
        (
            "pt",
            "o a os as de que e do da em um uma para com não por mais dos das no na se foi ao ele como mas sua seu ou quando muito nos já também só pelo pela até isso são está é à"
        ),
        (
            "nl",
            "de het een van en in is dat op te zijn met voor niet aan er om ook als dan maar bij nog uit naar door over ze hij wordt deze werd hebben worden tot heeft kan meer wel of onder"
        ),
        (
            "sv",
            "och att det i en som på är av för med den till inte om ett har de var jag men kan från så vi eller när hade skulle mycket också alla där efter under mot vid hans över sig"
        ),
        (
            "da",
            "og at det en den er som på til af for med ikke der de et har om han var men jeg blev fra kan også efter eller over ved havde være hvor ud nogle mellem hvad disse skal vil kun deres"
        ),
        (
            "no",
            "og det i en er som på til av for med ikke at den de et har om han var men jeg ble fra kan også etter eller over ved hadde være hvor ut noen mellom hva disse skal vil bare deres seg å"
        ),
        (
            "fi",
            "ja on ei että se oli ovat joka mutta kun hän tai myös sen ole niin kuin jotka voi mukaan vain sekä ollut hänen olla tämä jos sitä mitä nyt siitä ennen kanssa jälkeen koska tämän joita"
        ),
        (
            "hu",
            "a az és hogy nem is egy van meg de volt ez csak már még el ki azt ezt mint vagy kell lehet után akkor majd minden között szerint pedig amely ha fel sem nagy olyan illetve való által"
        ),
        (
            "ro",
            "și de în la a o cu nu pe din un ce mai că este să se pentru care sunt au prin fi sau ca dar după fost lui ei între acest această ale al fără cele când către astfel"
        ),
        (
            "pl",
            "i w na z do się nie jest to że o jak po od za przez dla co ale tym są był było tego być oraz lub jego może już które który która ich także tylko przy pod ze też jako"
        ),
        (
            "cs",
            "a se v na je že s z do o to i ve jako za by pro jsou tak po k od podle byl které který ale jeho která nebo bylo však již při až ke jsem není mezi být také u"
        ),
        (
            "sk",
            "a sa v na je že s z do o to aj vo ako za by pre sú tak po k od podľa bol ktoré ktorý ale jeho ktorá alebo bolo však už pri až ku som nie medzi byť tiež u"
        ),
        (
            "sl",
            "in je v na se za da z so ki bi pa tudi kot po ne od pri o do ali s ter bil bilo lahko njegov med vse ki če ni zaradi kar ima biti več ta te"
        ),
        (
            "hr",
            "i je u na se da za od su s o a kao koji što iz po ili nije bi do ali koja te koje će samo biti ne prema bio kako još ima također bila jer sve"
        ),
        (
            "tr",
            "ve bir bu da de için ile olarak çok daha gibi olan en ama kadar sonra ne ya her ise veya var değil olduğu göre tarafından ki mi o şu diye bütün kendi ancak ise hem"
        ),
        (
            "ca",
            "el la els les de i que en un una del per amb no és a dels al es va com més les seu ha són pel però també o aquest aquesta entre sobre fins molt quan ser des on"
        ),
        (
            "gl",
            "o a os as de e que do da en un unha para con non por máis dos das no na se foi ao como mais súa seu ou tamén pola polo entre é son está ata moi cando"
        ),
        (
            "eu",
            "eta da ez bat zen du dira izan den ere baina egin dute zuen edo egiten duen hau dela behar ziren bere beste baino gabe bezala ditu oso izango hori nahi arte"
        ),
        (
            "id",
            "yang dan di dari untuk dengan pada ini itu dalam adalah tidak oleh sebagai juga akan ke atau karena tersebut mereka telah dapat bahwa ada lebih seperti saat bisa menjadi antara tahun kami"
        ),
        (
            "et",
            "ja on ei et see oli kui ka mis ta ning oma või aga nii selle kes seda olid veel pärast välja juba mitte üle kuid siis olla ainult sest tema meie poolt"
        ),
        (
            "lv",
            "un ir ar no par uz kas ka arī pie bet tika kā vai lai tas pēc gada bija ne līdz kuru kur tā viņa šo tie savu vairāk var starp kad nav būt ļoti"
        ),
        (
            "lt",
            "ir yra į iš kad su buvo kaip bet ar tai jis dėl per nuo taip pat prie po apie kurie jo kuris tik iki jų savo bei arba dar jau nėra gali būti labai"
        ),
        (
            "ga",
            "agus an na is ar sé ag i le bhí go a do atá sin ní sí tá chun ó mar nach seo siad faoi gur leis bhfuil ach"
        ),
        (
            "sq",
            "dhe në e të një për me i është nga që si u më ka janë por ishte nuk do tij kjo ky edhe duke kanë se ose saj"
        ),
        (
            "vi",
            "và của là có trong được cho các một không với những người này đã để từ khi đến cũng như về ra nhiều tại theo trên vào sau"
        ),
        (
            "ru",
            "и в не на что с по как это он к но из у за от то его для же все был так было или о еще бы только до во были при она если также их уже может который которые"
        ),
        (
            "uk",
            "і в не на що з як та до це у за від але його для був було або про також які який ще вони при із є та після між чи він вона був коли тому її"
        ),
        (
            "be",
            "і ў не на што з як да гэта у за ад але яго для быў было або пра таксама якія які яшчэ яны пры яна калі ён быць пасля толькі"
        ),
        (
            "bg",
            "и на в да се е за с от че не са по като до това през към но при след има който която които или бил беше също му си така както може само между още"
        ),
        (
            "sr",
            "и је у на се да за од су са о а као који што из по или није би до али која те које ће само бити не према био како још има такође била јер све"
        ),
        (
            "mk",
            "и на во да се за од со е не што како по ќе до но ги го ја тоа кој која кои или само исто така беше меѓу според при има сите биле"
        ),
        (
            "ar",
            "في من على إلى أن التي الذي هذا عن مع كان هذه ما لا بعد كما قد بين ذلك كل كانت أو لم حيث هو هي حتى عند غير ولا وقد إن ثم"
        ),
        (
            "fa",
            "و در به از که این را با است برای آن یک خود تا بر هم نیز می شد بود شده دو اما یا ها او باید هر دارد ما کرد اند"
        ),
        (
            "ur",
            "اور کے میں کی ہے سے کو کا نے پر اس یہ کہ ہیں بھی ایک تھا وہ تو جو ہو کر تھے گیا ہی لیے نہیں ان اپنے ساتھ"
        ),
        ("ckb", "و لە بە کە بۆ ئەم لەگەڵ ئەو بوو یان دەکات هەر زۆر وەک کرد بەڵام لەسەر دوای هەموو نییە"),
        ("hi", "के में की है और से को का ने पर यह कि हैं भी एक था इस तो जो हो कर थे गया ही लिए नहीं वह अपने साथ"),
        ("mr", "आणि आहे या च्या व ते होते एक मध्ये हे होता ही नाही केले त्या आहेत तर असे झाले किंवा"),
        ("ne", "र छ को मा का यो पनि हो थियो गरेको भएको लागि एक छन् गर्न तथा यस भने गर्ने नेपाल"),
    ]
}
