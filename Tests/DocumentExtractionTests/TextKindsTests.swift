import DocumentExtraction
import ExtractionWire
import Foundation
import Testing

/// What is written in a way of its own, and is read as it is meant.
@Suite struct TextKindsTests {
    @Test(
        arguments: [
            // Form C, and plain letters for those of fixed width, shape or font.
            (
                "Mu\u{308}ller \u{2F47}\u{672C} \u{FF21}\u{FF11} \u{FF76}\u{FF9E} \u{1D431} \u{FEFB} x\u{B2} \u{BD} \u{FF08}",
                "a.txt", ["M\u{FC}ller \u{65E5}\u{672C} A1 \u{30AC} x \u{644}\u{627} x\u{B2} \u{BD} \u{FF08}"]
            ),
            ("<p>Mu<b>\u{308}</b>ller</p>", "a.html", ["M\u{FC}ller"]),
            ("\u{1B}[31mERROR\u{1B}[0m crane \u{1B}]0;title\u{7}stopped", "a.log", ["ERROR crane stopped"]),
            (
                "<p>10<sup>6</sup>, vessels<sup>[1]</sup>, x<sup>2</sup>, 5<sup>th</sup></p>", "a.html",
                ["10^6, vessels [1], x2, 5th"]
            ),
            ("<p><ruby>\u{6E2F}<rp>(</rp><rt>minato</rt><rp>)</rp></ruby> fees</p>", "a.html", ["\u{6E2F} fees"]),
            (
                "<table><tr><td class=\"linenos\"><pre>1\n2</pre></td><td><pre>a = 1\nb = 2</pre></td></tr></table>",
                "a.html",
                ["a = 1\nb = 2"]
            ),
            ("{\"a\": 1}\n{\"a\": broken\n{\"a\": 3}\n", "a.jsonl", ["a: 1", "a: 3"]),
            ("{\"name\": \"Ann\", \"photo\": \"\(String(repeating: "iVBO", count: 200))\"}", "a.json", ["name: Ann"]),
            (
                "{\"cells\": [{\"cell_type\": \"markdown\", \"source\": [\"# Tides\\n\", \"The *mole*.\"]}, {\"cell_type\": \"code\", \"outputs\": [{\"text\": [\"nine\\n\"]}], \"source\": [\"f(1)\"]}], \"metadata\": {\"k\": \"v\"}, \"nbformat\": 4}",
                "a.ipynb", ["Tides", "The mole.", "f(1)", "nine"]
            ),
            (
                "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nSUMMARY:Survey\\, part 2\r\nDTSTART:20240503T100000Z\r\nDESCRIPTION:Bring ma\r\n ps.\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                "a.ics", ["Event: Survey, part 2\nBegins: 2024-05-03 10:00 UTC\nDescription: Bring maps."]
            ),
            (
                "From ann@example.org Fri May  3 10:00:00 2024\nFrom: a@b.c\nSubject: One\n\nFirst.\nFrom now on.\n\nFrom bo@example.org Fri May  3 11:00:00 2024\nFrom: d@e.f\nSubject: Two\n\nSecond.\n",
                "a.mbox", ["One", "From: a@b.c", "First.\nFrom now on.", "Two", "From: d@e.f", "Second."]
            ),
            (
                "From: <Saved>\nSubject: Tides\nMIME-Version: 1.0\nContent-Type: multipart/related; boundary=\"X\"\n\n--X\nContent-Type: text/html\n\n<p>High water.</p>\n--X\nContent-Type: text/css\n\np { color: red }\n--X--\n",
                "a.mht", ["Tides", "From: Saved", "High water."]
            ),
            (
                "{\\rtf1{\\info{\\title Fees}}The fee is due{\\footnote\\pard By decision.} now.\\par\\trowd\\clvmgf\\cellx1\\cellx2\\cellx3\\pard\\intbl North\\cell\\cell 3 t\\cell\\row\\trowd\\clvmrg\\cellx1\\cellx2\\cellx3\\pard\\intbl\\cell 7 m\\cell\\cell\\row}",
                "a.rtf", ["The fee is due now.", "By decision.", "North | | 3 t", "North | 7 m"]
            ),
        ]
    )
    func isReadAsItIsMeant(source: String, name: String, expected: [String]) throws {
        #expect(texts(try read(Array(source.utf8), name)) == expected)
    }

    /// Letters and marks in any order and number, far beyond the stretches in which they are composed, beside Foundation's form C (which leaves a syllable of Hangul and its final apart).
    @Test(arguments: 0..<20 as Range<UInt64>)
    func lettersApartFromTheirMarksAreComposed(seed: UInt64) throws {
        var state = seed
        func any(_ scalars: [Unicode.Scalar]) -> Unicode.Scalar {
            // Knuth's MMIX generator.
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return scalars[Int(state >> 33) % scalars.count]
        }
        let letters = "aeo\u{1ED9}\u{E9}\u{C5}\u{5D0}\u{9C7}\u{B47}\u{304B}\u{1112}\u{1025}\u{1F600}"
            .unicodeScalars.map(\.self)
        let marks = "\u{301}\u{302}\u{323}\u{327}\u{5B7}\u{9BE}\u{B56}\u{3099}\u{1161}\u{11AB}\u{102E}\u{20DD}"
            .unicodeScalars.map(\.self)
        var source = "e\u{301}"
        for number in 0..<2000 {
            if number % 400 == 399 { source += " word " }
            source.unicodeScalars.append(any(letters))
            while any(letters).value > 0x300 { source.unicodeScalars.append(any(marks)) }
        }
        let expected = source.precomposedStringWithCanonicalMapping.unicodeScalars.map(\.value)
        let found = texts(try read(Array(source.utf8), "a.txt")).flatMap { $0.unicodeScalars.map(\.value) }
        let difference = zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset
        #expect(
            difference == nil,
            "\(found[max(0, (difference ?? 0) - 5)...].prefix(10)) for \(expected[max(0, (difference ?? 0) - 5)...].prefix(10))"
        )
        #expect(found.count == expected.count)
    }

    @Test func whatIsLeftOutIsCounted() throws {
        let page =
            "<nav><p>Menu of the site</p></nav><main><h1>Fees</h1><p>\(String(repeating: "Fees are due. ", count: 20))</p></main>"
        #expect(try read(Array(page.utf8), "a.html").notes.omissions == [Omission(.boilerplate, characters: 13)])
        let json = "{\"a\": \"\(String(repeating: "A", count: 600))\", \"b\": 1}"
        let document = try read(Array(json.utf8), "a.json")
        #expect(document.notes.omissions == [Omission(.encodedFile, characters: 600)])
        #expect(document.notes.flags == ["left_out_encoded_file"])
    }

    @Test func whatIsOutOfSightIsReadAndCounted() throws {
        let document = try read(Array("<p>Seen <span style=\"Display: none\">unseen</span></p>".utf8), "a.html")
        #expect(texts(document) == ["Seen unseen"])
        #expect(document.notes.hiddenCharacters == 6)
    }

    @Test(arguments: ["META-INF/license.lcpl", "META-INF/rights.xml", "META-INF/encryption.xml"])
    func aProtectedBookIsRejected(name: String) throws {
        let cipher =
            "<e><EncryptedData><EncryptionMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#aes256-cbc\"/></EncryptedData></e>"
        #expect(throws: Rejection.self) { try read(book([ZipBuilder.Part(name, cipher)]), "a.epub") }
    }

    @Test func aBookWithHiddenFontsIsReadPageByPage() throws {
        let cipher =
            "<e><EncryptedData><EncryptionMethod Algorithm=\"http://www.idpf.org/2008/embedding\"/></EncryptedData></e>"
        #expect(
            texts(try read(book([ZipBuilder.Part("META-INF/encryption.xml", cipher)]), "a.epub")) == [
                "One page.", "Drawn words",
            ]
        )
    }

    /// Two chapters on one page, a page that is a drawing, and a table of contents.
    private func book(_ others: [ZipBuilder.Part]) -> [UInt8] {
        ZipBuilder.zip(
            [
                ZipBuilder.Part("mimetype", "application/epub+zip"),
                ZipBuilder.Part(
                    "META-INF/container.xml",
                    "<container><rootfiles><rootfile full-path=\"O/c.opf\"/></rootfiles></container>"
                ),
                ZipBuilder.Part(
                    "O/c.opf",
                    "<package><manifest><item id=\"n\" properties=\"nav\" href=\"n.xhtml\" media-type=\"application/xhtml+xml\"/><item id=\"a\" href=\"A.xhtml#one\" media-type=\"application/xhtml+xml\"/><item id=\"b\" href=\"A.xhtml#two\" media-type=\"application/xhtml+xml\"/><item id=\"s\" href=\"s.svg\" media-type=\"image/svg+xml\"/></manifest><spine><itemref idref=\"n\"/><itemref idref=\"a\"/><itemref idref=\"b\"/><itemref idref=\"s\"/></spine></package>"
                ),
                ZipBuilder.Part("O/n.xhtml", "<html><body><nav><ol><li>One</li></ol></nav></body></html>"),
                ZipBuilder.Part("O/a.xhtml", "<html><body><p>One page.</p></body></html>"),
                ZipBuilder.Part("O/s.svg", "<svg><text>Drawn words</text></svg>"),
            ] + others
        )
    }

    // Pages.

    @Test func aWordBrokenBetweenPagesIsWhole() throws {
        let pages = PDFBuilder.pages([[(60, 400, "It is recorded in the regis-")], [(60, 400, "ter of the port.")]])
        let text = String(decoding: try read(pages, "a.pdf").text, as: UTF8.self)
        #expect(text.contains("in the register") && text.contains("of the port."), "\(text)")
    }

    @Test func numbersOfLinesPartNothing() throws {
        let words = [
            "The register of the port is", "kept by the office, and each", "vessel that enters the har-",
            "bour is recorded in it with", "its draught and cargo, crew", "and owner; the master signs",
        ]
        typealias Word = (x: Int, y: Int, text: String)
        let lines = (0..<12).flatMap { line -> [Word] in
            [(x: 40, y: 760 - 14 * line, text: "\(line + 1)"), (x: 80, y: 760 - 14 * line, text: words[line % 6])]
        }
        let document = try read(PDFBuilder.pages([lines]), "a.pdf")
        let text = String(decoding: document.text, as: UTF8.self)
        #expect(document.blocks.allSatisfy { $0.kind == .paragraph } && text.contains("harbour is recorded"), "\(text)")
        #expect(document.notes.omissions == [Omission(.lineNumbers, characters: 15)])
    }

    @Test func numbersOfRowsStay() throws {
        typealias Word = (x: Int, y: Int, text: String)
        let rows = (0..<12).flatMap { row -> [Word] in
            [
                (x: 40, y: 760 - 20 * row, text: "\(row + 1)"),
                (x: 80, y: 760 - 20 * row, text: "Berth of the north quay"),
            ]
        }
        let text = String(decoding: try read(PDFBuilder.pages([rows]), "a.pdf").text, as: UTF8.self)
        #expect(text.contains("12"), "\(text)")
    }

    @Test func codesInThePlaceOfLettersAreOfLowQuality() throws {
        let plain = String(
            repeating: "The harbour was built in the north and keeps a register of every vessel. ",
            count: 8
        )
        let codes = plain.unicodeScalars.map { $0.value > 0x20 ? Character(Unicode.Scalar($0.value - 29)!) : " " }
        #expect(try read(Array(String(codes).utf8), "a.txt").notes.quality < 0.5)
        #expect(try read(Array(plain.utf8), "a.txt").notes.quality > 0.6)
    }

    @Test func aFormThatOnlyItsProgramDrawsIsRejected() throws {
        let page = PDFBuilder.pages([
            [
                (60, 760, "Please wait..."),
                (
                    60, 740,
                    "If this message is not eventually replaced by the proper contents of the document, your PDF viewer"
                ),
            ]
        ])
        #expect(throws: Rejection.self) { try read(page, "a.pdf") }
    }
}
