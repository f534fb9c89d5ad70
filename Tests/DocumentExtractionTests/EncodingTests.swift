import DocumentExtraction
import ExtractionWire
import Glibc
import Testing

/// Bytes in the encodings that documents are stored in, declared rightly, wrongly and not at all.
@Suite struct EncodingTests {
    private func text(_ bytes: [UInt8], _ name: String = "a.html", type: String = "") throws -> String {
        let document = try bytes.withUnsafeBytes {
            try DocumentReader.read($0, hints: .init(name: name, contentType: type), limits: .init())
        }
        return String(decoding: document.text, as: UTF8.self)
    }

    private func page(_ head: String, _ body: [UInt8]) -> [UInt8] {
        Array("<!DOCTYPE html><html><head>\(head)<title>x</title></head><body><p>".utf8) + body
            + Array("</p></body></html>".utf8)
    }

    struct Sample: Sendable {
        let text: String
        let label: String
        let bytes: [UInt8]

        init(_ text: String, _ label: String, _ encoding: String) {
            (self.text, self.label, bytes) = (text, label, EncodingTests.bytes(text, encoding))
        }

        init(_ text: String, _ label: String, _ bytes: [UInt8]) {
            (self.text, self.label, self.bytes) = (text, label, bytes)
        }
    }

    /// The text in an encoding of the C library.
    private static func bytes(_ text: String, _ encoding: String) -> [UInt8] {
        let converter = iconv_open(encoding, "UTF-8")
        defer { iconv_close(converter) }
        var source = Array(text.utf8).map { CChar(bitPattern: $0) }
        var output = [CChar](repeating: 0, count: source.count * 4)
        let count = source.withUnsafeMutableBufferPointer { source in
            output.withUnsafeMutableBufferPointer { output in
                var (from, to) = (source.baseAddress, output.baseAddress)
                var (left, free) = (source.count, output.count)
                precondition(iconv(converter, &from, &left, &to, &free) == 0)
                precondition(iconv(converter, nil, nil, &to, &free) == 0)
                return output.count - free
            }
        }
        return output[..<count].map { UInt8(bitPattern: $0) }
    }

    private static let russian =
        "Портовая контора ведёт реестр всех судов, которые приходят в порт. Плата взимается в течение семи дней."
    private static let japanese = "港湾局は入港するすべての船舶の登録簿を保管しています。料金は七日以内に支払います。"
    /// GB 18030, whose bytes look like UTF-8 here and there.
    private static let chinese: [UInt8] = [
        0xB8, 0xDB, 0xCE, 0xF1, 0xBE, 0xD6, 0xB1, 0xA3, 0xB4, 0xE6, 0xCB, 0xF9, 0xD3, 0xD0, 0xBD, 0xF8, 0xB8, 0xDB,
        0xB4, 0xAC,
        0xB2, 0xB0, 0xB5, 0xC4, 0xB5, 0xC7, 0xBC, 0xC7, 0xB2, 0xE1, 0xA1, 0xA3,
    ]
    /// windows-1255: the last letter may wait for a point.
    private static let hebrew: [UInt8] = [
        0xFA, 0xF7, 0xF0, 0xE5, 0xFA, 0x20, 0xE4, 0xF0, 0xEE, 0xEC, 0x20, 0xEE, 0xE7, 0xE9, 0xE9, 0xE1, 0xE5, 0xFA,
        0x20, 0xE0, 0xFA,
        0x20, 0xEB, 0xEC, 0x20, 0xE4, 0xE0, 0xE5, 0xF0, 0xE9, 0xE5, 0xFA,
    ]
    static let samples = [
        Sample(russian, "windows-1251", "CP1251"), Sample(japanese, "shift_jis", "CP932"),
        Sample(japanese, "x-sjis", "CP932"), Sample(japanese, "euc-jp", "EUC-JP"),
        Sample("港务局保存所有进港船舶的登记册。", "x-gbk", chinese), Sample("תקנות הנמל מחייבות את כל האוניות", "logical", hebrew),
        Sample("Die Gebühren sind fällig – „pünktlich“, 12 €.", "latin1", "CP1252"),
        Sample("Le port tient un registre à jour.", "utf8", "UTF-8"),
    ]

    @Test(arguments: samples)
    func whatIsDeclaredIsRead(_ sample: Sample) throws {
        #expect(try text(page("<meta charset=\(sample.label)>", sample.bytes)) == sample.text)
        #expect(try text(page("", sample.bytes), type: "text/html; charset=\(sample.label)") == sample.text)
        #expect(try text(sample.bytes, "a.txt", type: "text/plain; charset=\"\(sample.label)\"") == sample.text)
    }

    @Test(arguments: samples)
    func whatIsNotDeclaredIsRecognized(_ sample: Sample) throws {
        #expect(try text(page("", sample.bytes)) == sample.text)
        #expect(try text(sample.bytes, "a.txt") == sample.text)
        #expect(try text(page("<meta charset=none>", sample.bytes)) == sample.text)
    }

    /// Browsers begin again when they meet a declaration late; what stands in a comment, a script or a title is none.
    @Test(arguments: samples)
    func aLateDeclarationCounts(_ sample: Sample) throws {
        let script = String(repeating: "var a = '<meta charset=koi8-r>';\n", count: 200)
        let head = """
            <!-- <meta charset="big5"> --><script>\(script)</script><style>a:before { content: '<meta charset=big5>' }</style>
            <META data-x='>' HTTP-EQUIV='Content-Type' content='text/html; charset = "\(sample.label)"'>
            """
        #expect(try text(page(head, sample.bytes)) == sample.text)
    }

    /// Upload tools set UTF-8 for every page.
    @Test func aPagesOwnDeclarationCountsWhereTheContentTypeIsWrong() throws {
        let sample = Self.samples[0]
        let bytes = page("<meta charset=windows-1251>", sample.bytes)
        #expect(try text(bytes, type: "text/html; charset=utf-8") == sample.text)
        #expect(try text(sample.bytes, "a.txt", type: "text/plain; charset=utf-8") == sample.text)
    }

    @Test(arguments: ["iso-8859-1", "utf-16", "gbk", "shift_jis", "x-user-defined"])
    func validUTF8WinsOverADeclaration(_ label: String) throws {
        let sentence = "Le prix “net” est de 12 € — payable à l’arrivée. Œuvre."
        #expect(try text(page("<meta charset=\(label)>", Array(sentence.utf8))) == sentence)
        #expect(try text(Array(sentence.utf8), "a.txt", type: "text/plain; charset=\(label)") == sentence)
    }

    /// Reading goes on behind a byte that means nothing.
    @Test func brokenBytesAreReplaced() throws {
        let broken: [UInt8] =
            Array("before ".utf8) + [0xFF] + Array(" middle ".utf8) + [0xC3] + Array("( after café".utf8)
        let expected = "before \u{FFFD} middle \u{FFFD}( after café"
        #expect(try text(page("<meta charset=utf-8>", broken)) == expected)
        #expect(try text(broken, "a.txt") == expected)
        #expect(
            try text(Array("<?xml version='1.0'?><doc><p>".utf8) + broken + Array("</p></doc>".utf8), "a.xml")
                == expected
        )
        let cut = Array("Le café du port, l’été, déjà coupé".utf8.dropLast())
        #expect(try text(page("<meta charset=utf-8>", cut)).hasSuffix("coup\u{FFFD}"))
        let holes: [UInt8] = Array("before ".utf8) + [0x81] + Array(" middle ".utf8) + [0x9D] + Array(" after".utf8)
        #expect(try text(page("<meta charset=windows-1252>", holes)) == "before \u{FFFD} middle \u{FFFD} after")
    }

    @Test func pagesInUTF16AreReadWithAndWithoutAMark() throws {
        let page = "<html><head><title>x</title></head><body><p>The berth at the café.</p></body></html>"
        for (encoding, mark) in [
            ("UTF-16LE", [0xFF, 0xFE] as [UInt8]), ("UTF-16BE", [0xFE, 0xFF]),
        ] {
            let bytes = Self.bytes(page, encoding)
            #expect(try text(bytes) == "The berth at the café.")
            #expect(try text(mark + bytes) == "The berth at the café.")
        }
    }

    /// They are ASCII, and switch by escape sequences.
    @Test func encodingsOfSevenBits() throws {
        let bytes = Self.bytes(Self.japanese, "ISO-2022-JP")
        #expect(try text(bytes, "a.txt") == Self.japanese)
        #expect(try text(page("<meta charset=iso-2022-jp>", bytes)) == Self.japanese)
        #expect(try text(Array("approx. ~{ five }".utf8), "a.txt") == "approx. ~{ five }")
    }

    @Test func numericReferencesOfWindows() throws {
        let body = "<p>1911&#150;1914 &#147;quoted&#148; it&#146;s 12&#128; &#x99; &#129;end</p>"
        #expect(try text(Array(body.utf8)) == "1911–1914 “quoted” it’s 12€ ™ \u{81}end")
    }

    @Test func logsMayHoldNulBytesAndColours() throws {
        let line = "Harbour\0 register of vessels. \u{1B}[1;31mERROR\u{1B}[0m crane stopped\n"
        let expected = "Harbour register of vessels. ERROR crane stopped"
        #expect(try text(Array(line.utf8), "a.log") == expected)
        #expect(try text(Array(line.utf8), "a.md") == expected)
        #expect(throws: Rejection.self) { try text((0..<4096).map { UInt8(truncatingIfNeeded: $0 * 7) }, "a.txt") }
    }

    /// A text may write about PDF.
    @Test func aMarkOfPDFInATextIsText() throws {
        let sentence = "A PDF begins with %PDF-1.7 and ends with %%EOF."
        #expect(try text(Array("<!DOCTYPE html><p>\(sentence)</p>".utf8)) == sentence)
        #expect(try text(Array(sentence.utf8), "a.md") == sentence)
        #expect(try text(Array(sentence.utf8), "") == sentence)
        #expect(throws: Rejection.self) { try text(Array("\r\njunk %PDF-1.7 nothing".utf8), "a.pdf") }
    }

    @Test func mailIsWhatMailProgramsWrite() throws {
        let body = "\r\nThe berth at the quay.\r\n"
        let mails = [
            "X-Mozilla-Status: 0001\r\nFrom: a@example.org\r\nMessage-ID: <1@example.org>\r\n",
            "From - Mon May  3 10:00:00 2024\r\nReceived: by a\r\n id b\r\nSubject: s\r\n",
            "\u{FEFF}X-Unsent: 1\r\nTo: b@example.org\r\nMIME-Version: 1.0\r\nSubject: s\r\n",
            "ARC-Seal: i=1\r\nDate: Fri, 3 May 2024 10:00:00 +0200\r\n",
        ]
        for mail in mails {
            for name in ["a.eml", "a"] {
                let read = try text(Array((mail + body).utf8), name)
                #expect(read.hasSuffix("The berth at the quay.") && !read.contains("X-"), "\(mail)")
            }
        }
        #expect(try text(Array("In-Reply-To: <1@e>\r\n\(body)".utf8), "a.eml").hasSuffix("The berth at the quay."))
        let memo = "From: the board\nTo: all masters\nSubject: lamps\n\nKeep the lamps lit."
        #expect(try text(Array(memo.utf8), "a.txt") == memo)
        #expect(try text(Array(memo.utf8), "a.md").contains("From: the board"))
    }
}
