import DocumentExtraction
import ExtractionWire
import Testing

/// Each format by a small document of its own, and what its container may not do.
@Suite struct FormatTests {
    private func rejection(_ bytes: [UInt8], _ name: String = "") -> RejectionCode? {
        do {
            _ = try read(bytes, name)
            return nil
        } catch {
            return (error as? Rejection)?.code
        }
    }

    private func parts(_ document: ExtractedDocument) -> [String] {
        document.blocks.map {
            "\($0.kind)\($0.level == 0 ? "" : "\($0.level)"): "
                + String(decoding: document.text[$0.start..<$0.end], as: UTF8.self)
        }
    }

    private static let word = """
        <w:document xmlns:w="w"><w:body><w:p><w:pPr><w:pStyle w:val="H1"/></w:pPr><w:r><w:t>The lamp</w:t></w:r></w:p>
        <w:p><w:r><w:t>It </w:t></w:r><w:del><w:r><w:delText>never </w:delText></w:r></w:del><w:r><w:t>shines &amp; turns.</w:t></w:r></w:p>
        <w:p><w:pPr><w:numPr/></w:pPr><w:r><w:t>first</w:t></w:r></w:p>
        <w:tbl><w:tr><w:tc><w:p><w:r><w:t>a</w:t></w:r></w:p></w:tc><w:tc><w:p><w:r><w:t>b</w:t></w:r></w:p></w:tc></w:tr></w:tbl></w:body></w:document>
        """
    private static let styles =
        #"<w:styles xmlns:w="w"><w:style w:styleId="H1"><w:name w:val="heading 2"/></w:style></w:styles>"#

    @Test func word() throws {
        let core = "<c xmlns:dc='d'><dc:title>Lamps</dc:title><dc:creator>A. Keeper</dc:creator></c>"
        let file = ZipBuilder.zip([
            .init("word/document.xml", Self.word), .init("word/styles.xml", Self.styles),
            .init("docProps/core.xml", core),
            .init("word/embeddings/plan.xlsx", "x"),
        ])
        let document = try read(file, "a.docx")
        #expect(document.format == .docx && document.title == "Lamps" && document.author == "A. Keeper")
        #expect(document.notes.attachments == ["plan.xlsx"])
        #expect(
            parts(document) == [
                "heading2: The lamp", "paragraph: It shines & turns.", "listItem: first", "tableRow: a | b",
            ]
        )
    }

    private static func relationships(_ entries: (id: String, type: String, target: String)...) -> String {
        "<Relationships>"
            + entries.map { #"<Relationship Id="\#($0.id)" Type="http://r/\#($0.type)" Target="\#($0.target)"/>"# }
            .joined()
            + "</Relationships>"
    }

    private static func types(_ part: String, _ type: String) -> String {
        #"<Types><Override PartName="\#(part)" ContentType="application/vnd.openxmlformats-officedocument.\#(type).main+xml"/></Types>"#
    }

    /// Word Online and others name the parts as they like; .NET wrote backslashes.
    @Test(arguments: ["word/document2.xml", "Word/Main.XML", "a/b.xml"], [false, true])
    func partsAreFoundByTheirRelationships(_ main: String, _ hasBackslashes: Bool) throws {
        let folder = main.split(separator: "/").first.map { "\($0)/" } ?? ""
        let name = main.split(separator: "/").last!
        let files = [
            ("[Content_Types].xml", Self.types("/\(main)", "wordprocessingml.document")),
            (
                "_rels/.rels",
                Self.relationships(("R5f", "officeDocument", "/\(main)"), ("x", "core-properties", "p.xml"))
            ),
            (main, Self.word), ("\(folder)_rels/\(name).rels", Self.relationships(("s", "styles", "look.xml"))),
            ("\(folder)look.xml", Self.styles), ("p.xml", "<c xmlns:dc='d'><dc:title>Lamps</dc:title></c>"),
        ]
        let file = ZipBuilder.zip(
            files.map { .init(hasBackslashes ? $0.0.replacing("/", with: "\\") : $0.0, $0.1) }
        )
        let document = try read(file, "a.docx")
        #expect(document.format == .docx && document.title == "Lamps")
        #expect(parts(document).first == "heading2: The lamp")
    }

    /// Open XML SDK and Aspose number relationships as they like.
    @Test func slidesAreInTheOrderOfThePresentation() throws {
        func slide(_ text: String) -> String {
            "<p:sld xmlns:p='p' xmlns:a='a'><a:p><a:r><a:t>\(text)</a:t></a:r></a:p></p:sld>"
        }
        let order =
            #"<p:presentation xmlns:p="p" xmlns:r="r"><p:sldId id="257" r:id="R5f2"/><p:sldId id="256" r:id="x"/></p:presentation>"#
        let file = ZipBuilder.zip([
            .init("ppt/presentation.xml", order),
            .init(
                "ppt/_rels/presentation.xml.rels",
                Self.relationships(("x", "slide", "slides/a.xml"), ("R5f2", "slide", "slides/b.xml"))
            ),
            .init("ppt/slides/a.xml", slide("second")), .init("ppt/slides/b.xml", slide("first")),
        ])
        #expect(parts(try read(file, "a.pptx")) == ["paragraph: first", "paragraph: second"])
    }

    /// What report generators put into a document as HTML stands where they put it.
    @Test func importedPartsStandInTheirPlace() throws {
        let body =
            #"<w:p><w:r><w:t>before</w:t></w:r></w:p><w:altChunk r:id="c"/><w:p><w:r><w:t>after</w:t></w:r></w:p>"#
        let file = ZipBuilder.zip([
            .init("word/document.xml", "<w:document xmlns:w='w' xmlns:r='r'><w:body>\(body)</w:body></w:document>"),
            .init("word/_rels/document.xml.rels", Self.relationships(("c", "aFChunk", "chunk.htm"))),
            .init("word/chunk.htm", "<html><body><h1>Cranes</h1><p>nine</p></body></html>"),
        ])
        #expect(
            parts(try read(file, "a.docx")) == [
                "paragraph: before", "heading1: Cranes", "paragraph: nine", "paragraph: after",
            ]
        )
    }

    @Test func sheetsNameTheirColumnsAndTellDates() throws {
        let sheet = """
            <worksheet><sheetData><row><c r="A1" t="s"><v>0</v></c><c r="B1" t="inlineStr"><is><t>Lit on</t></is></c></row>
            <row><c r="A2" t="s"><v>1</v></c><c r="B2" s="1"><v>45292.5</v></c></row><row><c r="B3"><v>0.1</v></c></row></sheetData></worksheet>
            """
        let file = ZipBuilder.zip([
            .init(
                "xl/workbook.xml",
                #"<w xmlns:r="r"><sheets><sheet name="Tower" sheetId="1" r:id="rId1"/></sheets></w>"#
            ),
            .init(
                "xl/_rels/workbook.xml.rels",
                #"<R><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/s.xml"/><Relationship Id="rId2" Type="x/sharedStrings" Target="strings.xml"/><Relationship Id="rId3" Type="x/styles" Target="styles.xml"/></R>"#
            ),
            .init(
                "xl/strings.xml",
                "<sst><si><t>Lamp</t></si><si><r><t>No</t></r><r><t>rth</t></r><rPh><t>yomi</t></rPh></si></sst>"
            ),
            .init("xl/styles.xml", #"<s><cellXfs><xf numFmtId="0"/><xf numFmtId="22"/></cellXfs></s>"#),
            .init("xl/worksheets/s.xml", sheet),
        ])
        #expect(
            parts(try read(file)) == [
                "heading2: Tower", "tableRow: Lamp | Lit on", "tableRow: Lamp: North | Lit on: 2024-01-01 12:00:00",
                "tableRow: Lit on: 0.1",
            ]
        )
    }

    @Test func slidesAreInTheirOrder() throws {
        func slide(_ title: String, _ text: String) -> String {
            """
            <p:sld xmlns:p="p" xmlns:a="a"><p:sp><p:nvPr><p:ph type="title"/></p:nvPr><a:p><a:t>\(title)</a:t></a:p></p:sp><p:sp><a:p><a:t>\(text)</a:t></a:p></p:sp>
            <p:sp><p:nvPr><p:ph type="sldNum"/></p:nvPr><a:p><a:t>7</a:t></a:p></p:sp></p:sld>
            """
        }
        let file = ZipBuilder.zip([
            .init(
                "ppt/presentation.xml",
                #"<p xmlns:r="r"><sldIdLst><sldId id="256" r:id="rId2"/><sldId id="257" r:id="rId1"/></sldIdLst></p>"#
            ),
            .init(
                "ppt/_rels/presentation.xml.rels",
                #"<R><Relationship Id="rId1" Type="t/slide" Target="slides/slide1.xml"/><Relationship Id="rId2" Type="t/slide" Target="slides/slide2.xml"/></R>"#
            ),
            .init("ppt/slides/slide1.xml", slide("Second", "two")),
            .init("ppt/slides/slide2.xml", slide("First", "one")),
        ])
        let document = try read(file)
        #expect(parts(document) == ["heading2: First", "paragraph: one", "heading2: Second", "paragraph: two"])
        #expect(document.pages.map(\.number) == [1, 2])
    }

    @Test func openDocuments() throws {
        let text = """
            <o xmlns:text="t" xmlns:table="b" xmlns:office="f"><text:h text:outline-level="2">Head</text:h><text:p>One<text:s/>two<office:annotation>no</office:annotation></text:p>
            <text:list><text:list-item><text:p>item</text:p></text:list-item></text:list>
            <table:table><table:table-row><table:table-cell><text:p>x</text:p></table:table-cell><table:table-cell><text:p>y</text:p></table:table-cell></table:table-row></table:table></o>
            """
        let mime = "application/vnd.oasis.opendocument."
        let document = try read(ZipBuilder.zip([.init("mimetype", mime + "text"), .init("content.xml", text)]))
        #expect(parts(document) == ["heading2: Head", "paragraph: One two", "listItem: item", "tableRow: x | y"])
        let locked = ZipBuilder.zip([
            .init("mimetype", mime + "text"), .init("META-INF/manifest.xml", "<m><encryption-data/></m>"),
            .init("content.xml", text),
        ])
        #expect(rejection(locked) == .encrypted)
        let sheet = """
            <o xmlns:text="t" xmlns:table="b"><table:table table:name="S"><table:table-row><table:table-cell><text:p>Name</text:p></table:table-cell><table:table-cell><text:p>Age</text:p></table:table-cell></table:table-row>
            <table:table-row><table:table-cell table:number-columns-repeated="2"><text:p>7</text:p></table:table-cell><table:table-cell table:number-columns-repeated="16000"/></table:table-row></table:table></o>
            """
        let cells = try read(ZipBuilder.zip([.init("mimetype", mime + "spreadsheet"), .init("content.xml", sheet)]))
        #expect(parts(cells) == ["heading2: S", "tableRow: Name | Age", "tableRow: Name: 7 | Age: 7"])
    }

    @Test func booksFollowTheirSpine() throws {
        let opf = """
            <package xmlns:dc="d"><metadata><dc:title>Book</dc:title><dc:language>en</dc:language></metadata><manifest><item id="a" href="a.xhtml" media-type="application/xhtml+xml"/>
            <item id="b" href="b%20c.xhtml" media-type="application/xhtml+xml"/></manifest><spine><itemref idref="b"/><itemref idref="a"/></spine></package>
            """
        let file = ZipBuilder.zip([
            .init("mimetype", "application/epub+zip"),
            .init("META-INF/container.xml", #"<c><rootfile full-path="O/p.opf"/></c>"#), .init("O/p.opf", opf),
            .init("O/a.xhtml", "<html><body><p>last</p></body></html>"),
            .init("O/b c.xhtml", "<html><body><h1>Start</h1></body></html>"),
        ])
        let document = try read(file)
        #expect(document.format == .epub && document.title == "Book" && document.language == "en")
        #expect(parts(document) == ["heading1: Start", "paragraph: last"])
    }

    @Test func richText() throws {
        let rtf = #"""
            {\rtf1\ansi\ansicpg1252{\fonttbl{\f0\fcharset0 Arial;}{\f1\fcharset204 Cyr;}}{\info{\title no}}\pard\outlinelevel0 Head\par
            \pard Caf\'e9 \u8364?5 \ldblquote so\rdblquote {\f1 \'cf\'f0}\par{\*\generator no}\trowd\intbl a\cell b\cell\row\pard{\header no}end\bin3 xyz\par}
            """#
        #expect(
            parts(try read(Array(rtf.utf8), "a.txt")) == [
                "heading1: Head", "paragraph: Café €5 “so”Пр", "tableRow: a | b", "paragraph: end",
            ]
        )
        #expect(rejection(Array(("{\\rtf1" + String(repeating: "{", count: 5000)).utf8)) == .malformed)
    }

    private static func alternatives(_ forms: String...) -> [UInt8] {
        let head =
            "From: a@e.org\nTo: b@e.org\nCc: c@e.org\nSubject: s\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=x\n\n"
        return Array((head + forms.map { "--x\n\($0)\n" }.joined() + "--x--\n").utf8)
    }

    /// Newsletters send a plain form that is blank, or says that there is another; Apple Mail puts attachments beside the HTML.
    @Test func theFormOfAMailThatSaysSomethingIsRead() throws {
        let html =
            "Content-Type: text/html\n\n<h1>News</h1><p>\(String(repeating: "The quay is closed. ", count: 20))</p>"
        let mixed = """
            Content-Type: multipart/mixed; boundary=y

            --y
            \(html)
            --y
            Content-Disposition: attachment; filename=minutes.txt
            Content-Type: text/plain

            Crane seven.
            --y--
            """
        for plain in ["", " \n\n ", "Your program shows no HTML."] {
            let read = parts(try read(Self.alternatives("Content-Type: text/plain\n\n\(plain)", html), "m.eml"))
            #expect(read.contains("heading1: News") && !read.contains { $0.contains("program") }, "\(read)")
        }
        let long = "Content-Type: text/plain\n\n\(String(repeating: "The quay is closed. ", count: 18))"
        let document = try read(Self.alternatives(long, mixed), "m.eml")
        #expect(document.notes.attachments == ["minutes.txt"])
        let read = parts(document)
        #expect(read.contains("listItem: Cc: c@e.org") && !read.contains("heading1: News"))
        #expect(read.suffix(2) == ["heading2: minutes.txt", "paragraph: Crane seven."])
    }

    @Test func forwardedMailsKeepTheirHeads() throws {
        let inner =
            "From: d@e.org\nTo: e@e.org\nDate: Wed, 04 Mar 2026 05:06:07 +0100\nSubject: Engine fault\n\nThe engine stopped."
        let mail = "From: a@e.org\nMIME-Version: 1.0\nSubject: Fwd\nContent-Type: message/rfc822\n\n\(inner)"
        #expect(
            parts(try read(Array(mail.utf8), "m.eml")).suffix(5) == [
                "heading2: Engine fault", "listItem: From: d@e.org", "listItem: To: e@e.org",
                "listItem: Date: 2026-03-04T05:06:07+0100", "paragraph: The engine stopped.",
            ]
        )
    }

    @Test func mailsTellWhoWroteWhatAndTheirAttachments() throws {
        let mail = """
            From: Ada <ada@example.com>
            To: Ben <ben@example.com>
            Subject: =?utf-8?B?TGFtcCDigqw=?=
            Date: Wed, 04 Mar 2026 05:06:07 +0100
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=X

            --X
            Content-Type: multipart/alternative; boundary=Y

            --Y
            Content-Type: text/plain; charset=iso-8859-1
            Content-Transfer-Encoding: quoted-printable

            Gr=FC=DFe
            --Y
            Content-Type: text/html

            <p>not this</p>
            --Y--
            --X
            Content-Type: text/csv; name=t.csv
            Content-Disposition: attachment; filename=t.csv

            name,height
            North,31
            --X--
            """
        let document = try read(Array(mail.utf8), "m.eml")
        #expect(document.format == .mail && document.title == "Lamp €" && document.author == "Ada <ada@example.com>")
        #expect(document.notes.attachments == ["t.csv"] && document.notes.created.hasPrefix("2026-03-04T05:06:07"))
        #expect(
            parts(document).suffix(4) == [
                "paragraph: Grüße", "heading2: t.csv", "tableRow: name | height", "tableRow: name: North | height: 31",
            ]
        )
        #expect(
            rejection(Array(("From: a\nTo: " + String(repeating: "g:", count: 100_000) + "\n\nx").utf8), "m.eml")
                == .malformed
        )
    }

    @Test func valuesAreNamed() throws {
        #expect(
            parts(try read(Array("a;b\n1;\"x; \"\"y\"\"\"\n;2\n".utf8), "t.csv"))
                == ["tableRow: a | b", "tableRow: a: 1 | b: x; \"y\"", "tableRow: b: 2"]
        )
        let json = #"{"lamp":{"name":"N\u00f6rth \ud83d\ude00","lit":true,"x":null},"list":[1,"two"]}"#
        #expect(
            parts(try read(Array(json.utf8), "a.json")) == [
                "listItem: lamp.name: Nörth 😀", "listItem: lamp.lit: true", "listItem: list: 1", "listItem: list: two",
            ]
        )
        #expect(
            parts(try read(Array("{\"a\":1}\n{\"a\":2}\n".utf8), "a.jsonl")) == ["listItem: a: 1", "listItem: a: 2"]
        )
        #expect(rejection(Array(#"{"a":"#.utf8), "a.json") == .malformed)
        #expect(rejection([UInt8](repeating: 0x5B, count: 100_000), "a.json") == .malformed)
        let xml = #"<?xml version="1.0"?><catalog><book id="7"><price>3</price></book></catalog>"#
        #expect(parts(try read(Array(xml.utf8))) == ["listItem: catalog/book@id: 7", "listItem: book/price: 3"])
    }

    @Test func containersThatLieAreRefused() {
        let document = ZipBuilder.Part("word/document.xml", Self.word)
        #expect(rejection(ZipBuilder.zip([document, document])) == .malformed, "two parts of one name")
        #expect(rejection(ZipBuilder.zip([document, .init("word/other.xml", "x")], overlapping: true)) == .malformed)
        #expect(rejection(ZipBuilder.zip([.init("word/document.xml", Self.word, claimedBytes: 7)])) == .malformed)
        #expect(rejection(ZipBuilder.zip([.init("word/document.xml", Self.word, claimedChecksum: 7)])) == .malformed)
        #expect(rejection(ZipBuilder.zip([.init("word/document.xml", Self.word, isEncrypted: true)])) == .encrypted)
        #expect(rejection(ZipBuilder.zip([.init("a.txt", "x")])) == .unsupported, "an archive is no document")
        let file = ZipBuilder.zip([document])
        for length in stride(from: 4, to: file.count, by: 7) { #expect(rejection(Array(file.prefix(length))) != nil) }
    }

    @Test func contentDecidesAndAMismatchIsNoted() throws {
        let document = try read(Array("<!DOCTYPE html><p>page</p>".utf8), "report.pdf")
        #expect(
            document.format == .html && document.notes.promised == "pdf" && document.notes.flags == ["format_mismatch"]
        )
        #expect(try read(Array("plain words".utf8), "a.txt").notes.flags.isEmpty)
    }

    @Test func whatStandsAroundAPageIsLeftOut() throws {
        let html = """
            <html><body><nav><a href="/">Home</a></nav><div class="sidebar"><ul><li><a href="/x">Else</a></ul></div><main><h1>Lamp</h1><p>The lamp turns once a minute, and
            is seen for twenty miles. See <a href="https://example.com/a">the manual</a>.</p></main><footer>© all</footer></body></html>
            """
        let document = try read(Array(html.utf8))
        #expect(parts(document).count == 2 && document.notes.links == ["https://example.com/a"])
    }

    @Test func invisibleMarksGoAndAreCounted() throws {
        let document = try read(Array("e\u{FB03}cient co\u{AD}operation \u{202E}abc\u{202C} x\u{E0041}y".utf8), "a.txt")
        #expect(String(decoding: document.text, as: UTF8.self) == "efficient cooperation abc xy")
        #expect(document.notes.hiddenCharacters == 3 && document.notes.flags == ["hidden_text"])
    }

    @Test func rubbishHasALowQuality() throws {
        let good = "The keeper trims the wick every four hours and notes the time in the log book of the tower."
        #expect(try read(Array(good.utf8), "a.txt").notes.quality > 0.95)
        let bad = (0..<60).map { _ in "\u{FFFD}\u{FFFD}x \u{E012}\u{E013} qwrtpsd ++=(( " }.joined()
        #expect(try read(Array(bad.utf8), "a.txt").notes.quality < 0.2)
    }
}
