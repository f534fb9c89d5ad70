import DocumentExtraction
import Testing

@Suite struct LanguageTests {
    private static let texts: [(String, String)] = [
        (
            "en",
            "The keeper of the lighthouse has been at his post for more than twenty years, and he is not the only one who knows the coast."
        ),
        (
            "de",
            "Der Wärter des Leuchtturms ist seit mehr als zwanzig Jahren auf seinem Posten, und er ist nicht der Einzige, der die Küste kennt."
        ),
        (
            "fr",
            "Le gardien du phare est à son poste depuis plus de vingt ans, et il n’est pas le seul qui connaisse la côte et les bancs de sable."
        ),
        (
            "es",
            "El guardián del faro está en su puesto desde hace más de veinte años, y no es el único que conoce la costa y los bancos de arena."
        ),
        (
            "it",
            "Il guardiano del faro è al suo posto da più di vent’anni, e non è il solo che conosca la costa e i banchi di sabbia della baia."
        ),
        (
            "pt",
            "O guarda do farol está no seu posto há mais de vinte anos, e não é o único que conhece a costa e os bancos de areia da baía."
        ),
        (
            "nl",
            "De wachter van de vuurtoren is al meer dan twintig jaar op zijn post, en hij is niet de enige die de kust en de banken kent."
        ),
        (
            "sv",
            "Vaktaren på fyren har varit på sin post i mer än tjugo år, och han är inte den enda som känner kusten och bankarna utanför."
        ),
        (
            "da",
            "Vogteren på fyret har været på sin post i mere end tyve år, og han er ikke den eneste, der kender kysten og bankerne af navn."
        ),
        (
            "no",
            "Vokteren på fyret har vært på sin post i mer enn tjue år, og han er ikke den eneste som kjenner kysten og bankene av navn å."
        ),
        (
            "fi",
            "Majakan vartija on ollut paikallaan yli kaksikymmentä vuotta, ja hän ei ole ainoa, joka tuntee rannikon, mutta myös muut ovat."
        ),
        (
            "pl",
            "Latarnik jest na swoim miejscu od ponad dwudziestu lat i nie jest to jedyny człowiek, który zna wybrzeże oraz mielizny w zatoce."
        ),
        (
            "tr",
            "Fener bekçisi yirmi yıldan daha uzun bir süredir görevinde ve kıyıyı bilen tek kişi o değil, çünkü bu iş için çok kişi var."
        ),
        (
            "ru",
            "Смотритель маяка уже более двадцати лет на своём посту, и он не единственный, кто знает берег и мели в этом заливе, как говорят."
        ),
        (
            "uk",
            "Доглядач маяка вже понад двадцять років на своєму посту, і він не єдиний, хто знає берег та мілини в цій затоці, як кажуть про це."
        ),
        (
            "bg",
            "Пазачът на фара е на поста си от повече от двадесет години и не е единственият, който познава брега и плитчините, които са там."
        ),
        (
            "ar",
            "حارس المنارة في مكانه منذ أكثر من عشرين سنة وهو ليس الوحيد الذي يعرف الساحل على طول هذا الخليج من البحر إلى الجبل"
        ),
        (
            "fa",
            "نگهبان فانوس دریایی بیش از بیست سال است که در محل خود است و او تنها کسی نیست که ساحل را با این خلیج می شناسد"
        ),
        ("hi", "प्रकाशस्तंभ का रखवाला बीस साल से भी अधिक समय से अपने पद पर है और वह अकेला नहीं है जो तट को जानता है"),
        ("el", "Ο φύλακας του φάρου είναι στη θέση του εδώ και είκοσι χρόνια."),
        ("he", "שומר המגדלור נמצא בתפקידו כבר יותר מעשרים שנה."),
        ("ja", "灯台守は二十年以上も持ち場にいて、海岸を知っているのは彼だけではない。"),
        ("zh", "灯塔看守人在岗位上已有二十多年，他不是唯一了解海岸的人。"),
        ("ko", "등대지기는 이십 년 넘게 자리를 지키고 있으며 해안을 아는 사람은 그뿐만이 아니다."),
        ("th", "ผู้ดูแลประภาคารอยู่ในตำแหน่งมานานกว่ายี่สิบปี"),
    ]

    @Test(arguments: texts)
    func textsShowTheirLanguage(_ language: String, _ text: String) {
        #expect(DocumentLanguage.tag(declared: "", Array(text.utf8)) == language)
    }

    @Test func whatSaysNothingHasNoLanguage() {
        for text in [
            "", "1 2 3", "let x = read(file)\nreturn x", "Lorem ipsum dolor sit amet consectetur", "AAA BBB CCC",
        ] {
            #expect(DocumentLanguage.tag(declared: "", Array(text.utf8)).isEmpty, "\(text)")
        }
    }

    @Test func declaredTagsHaveOneForm() {
        let english = Array(Self.texts[0].1.utf8)
        for (declared, tag) in [
            ("de", "de"), ("DE_at", "de-AT"), ("zh-hant-TW", "zh-Hant-TW"), ("en-US", "en-US"), ("und", "en"),
            ("x", "en"), ("english (US)", "en"),
            ("de_DE.UTF-8", "de-DE"), ("", "en"),
        ] {
            #expect(DocumentLanguage.tag(declared: declared, english) == tag, "\(declared)")
        }
    }
}
