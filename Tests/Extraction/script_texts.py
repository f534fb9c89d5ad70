"""Words of the scripts that `make scripts` writes documents of: from the first article of the Universal Declaration of Human Rights."""
import dataclasses
import random
import re
import unicodedata

# What stands between the words of any script.
MIXED = ["7.5", "2024", "12:30", "PDF", "S3", "1,250"]


@dataclasses.dataclass(frozen=True)
class Script:
    language: str
    font: str
    words: str
    is_right_to_left: bool = False
    # Between words: scripts without blanks are compared by letters.
    gap: str = " "
    # Most programs write maps to Unicode that lose letters which were reordered or joined: no reader can do better than poppler then.
    is_reordered: bool = False

    def text(self, chance: random.Random, count: int) -> str:
        """So many words in any order, with numbers and Latin words between them."""
        words = [chance.choice(MIXED) if chance.random() < 0.08 else chance.choice(self.words.split()) for _ in range(count)]
        return self.gap.join(words)

    def tokens(self, text: str) -> list[str]:
        """What recall and order are counted in. Joiners have no glyph of their own, and bars separate cells."""
        text = unicodedata.normalize("NFKC", text).replace("\u200c", "").replace("\u200d", "").replace("|", " ")
        return re.findall(r"\S+", text) if self.gap else [letter for letter in text if not letter.isspace()]


SCRIPTS = {
    "Latin": Script("en", "Noto Sans", "Všichni lidé rodí se svobodní sobě rovní důstojnosti práva jsou nadáni rozumem svědomím mají spolu jednat duchu bratrství Tất cả mọi người sinh ra đều được tự do "
                    "bình đẳng về nhân phẩm quyền Człowiek wszyscy ludzie równi pod względem swej godności Œuvre façon naïve Straße größer office flow"),
    "Hebrew": Script("he", "Noto Sans Hebrew", "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם כולם חוננו בתבונה ובמצפון לפיכך חובה עליהם לנהוג איש ברעהו ברוח של אחווה", True),
    "Arabic": Script("ar", "Noto Naskh Arabic", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق وقد وهبوا عقلا وضميرا وعليهم أن يعامل بعضهم بعضا بروح الإخاء لا الأول", True),
    "Persian": Script("fa", "Noto Naskh Arabic", "تمام افراد بشر آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند همه دارای عقل و وجدان هستند و باید نسبت یکدیگر روح برادری رفتار کنند پنج گچ ژرف", True),
    "Urdu": Script("ur", "Noto Naskh Arabic", "تمام انسان آزاد اور حقوق و عزت کے اعتبار سے برابر پیدا ہوئے ہیں انہیں ضمیر اور عقل ودیعت ہوئی ہے اس لیے انہیں ایک دوسرے کے ساتھ بھائی چارے کا سلوک کرنا چاہیے", True),
    "Thai": Script("th", "Noto Sans Thai", "มนุษย์ ทั้งหลาย เกิดมา มี อิสระ และ เสมอภาค กัน ใน เกียรติศักดิ์ และ สิทธิ ต่าง เหตุผล มโนธรรม ควร ปฏิบัติ ต่อ ด้วย เจตนารมณ์ แห่ง ภราดรภาพ", gap=""),
    "Devanagari": Script("hi", "Noto Sans Devanagari", "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है उन्हें बुद्धि और अन्तरात्मा की देन प्राप्त है और परस्पर उन्हें भाईचारे के भाव से बर्ताव करना चाहिए", is_reordered=True),
    "Tamil": Script("ta", "Noto Sans Tamil", "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர் அவர்கள் மதிப்பிலும் உரிமைகளிலும் சமமானவர்கள் அவர்கள் நியாயத்தையும் மனச்சாட்சியையும் இயற்பண்பாகப் பெற்றவர்கள்", is_reordered=True),
    "Japanese": Script("ja", "Noto Sans CJK JP", "すべての 人間は 生まれながらにして 自由であり かつ 尊厳と 権利とに ついて 平等である 人間は 理性と 良心とを 授けられており 互いに 同胞の 精神をもって 行動しなければならない", gap=""),
}


@dataclasses.dataclass(frozen=True)
class Content:
    """What a document says: a heading, paragraphs, and the rows of a table, in this order."""
    heading: str
    paragraphs: list[str]
    rows: list[list[str]]

    @property
    def text(self) -> str:
        return "\n".join([self.heading, *self.paragraphs, *(" ".join(row) for row in self.rows)])


LAYOUTS = ["one column", "two columns", "table", "sideways table"]


def content(script: Script, layout: str) -> Content:
    """Always the same for a script and a layout."""
    chance = random.Random(f"{script.language} {layout}")
    if "table" in layout:
        rows = [[script.text(chance, 2), str(1000 + 37 * row), script.text(chance, 1)] for row in range(6)]
        return Content(script.text(chance, 3), [script.text(chance, 30)], rows)
    return Content(script.text(chance, 3), [script.text(chance, 45) for _ in range(5)], [])
