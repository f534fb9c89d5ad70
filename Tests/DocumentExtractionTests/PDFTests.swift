import ExtractionWire
import Testing

@Suite struct PDFTests {
    /// A page whose words are in the fonts H (Helvetica) and C (Courier), as lines from the top.
    private func page(_ lines: [(font: String, x: Int, text: String)]) -> [UInt8] {
        let content = lines.enumerated().map { row, line in
            "BT /\(line.font) 10 Tf 1 0 0 1 \(line.x) \(780 - 12 * row) Tm (\(line.text)) Tj ET"
        }
        return PDFBuilder.pdf([
            "<</Type/Catalog/Pages 2 0 R>>", "<</Type/Pages/Count 1/Kids[3 0 R]>>",
            "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</H 5 0 R/C 6 0 R>>>>>>",
            PDFBuilder.stream(content.joined(separator: "\n")), "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
            "<</Type/Font/Subtype/Type1/BaseFont/Courier>>",
        ])
    }

    private let code = [
        ("C", 60, "def fee\\(days\\):"), ("C", 84, "if days > 7:"), ("C", 108, "return 2 * base"),
        ("C", 84, "return base"),
    ]
    private let prose = (0..<4).map { ("H", 60, "Line \($0) of the text that says what the program does.") }

    @Test func codeKeepsItsIndentation() throws {
        let document = try read(page(prose + code), "a.pdf")
        let block = try #require(document.blocks.first { $0.kind == .code })
        let text = String(decoding: document.text[block.start..<block.end], as: UTF8.self)
        #expect(text == "def fee(days):\n    if days > 7:\n        return 2 * base\n    return base")
    }

    @Test func whatIsTypedWithOneFontIsNoCode() throws {
        #expect(try read(page(code), "a.pdf").blocks.allSatisfy { $0.kind != .code })
        let titles = ["The berths", "The cranes of the north quay"].map { ("C", 60, $0) }
        #expect(try read(page(prose + titles), "a.pdf").blocks.allSatisfy { $0.kind != .code }, "no sign of a program")
    }

    /// A file whose table is gone and whose objects, but for the page's content, are packed into a stream.
    private func packed(_ dictionary: String = "/N 4/First 24", shift: Int = 0) -> [UInt8] {
        let objects = [
            (1, "<</Type/Catalog/Pages 2 0 R>>"), (2, "<</Type/Pages/Count 1/Kids[3 0 R]>>"),
            (3, "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 9 0 R/Resources<</Font<</F 4 0 R>>>>>>"),
            (4, "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"),
        ]
        var (head, body) = ("", "")
        for (number, object) in objects {
            head += "\(number) \(body.utf8.count + shift) "
            body += object + " "
        }
        head += String(repeating: " ", count: max(0, 24 - head.utf8.count))
        let content = "BT /F 12 Tf 60 700 Td (All objects are here.) Tj ET"
        return Array(
            """
            %PDF-1.6
            9 0 obj
            \(PDFBuilder.stream(content))
            endobj
            10 0 obj
            <</Type/ObjStm\(dictionary)/Length \((head + body).utf8.count)>>
            stream
            \(head)\(body)
            endstream
            endobj
            startxref
            99999
            """.utf8
        )
    }

    @Test func packedObjectsAreFoundWhereTheTableIsGone() throws {
        #expect(try texts(read(packed(), "a.pdf")) == ["All objects are here."])
    }

    @Test(arguments: [
        "/N 4/First 99999", "/N -1/First 24", "/N 999999999/First 999999999", "/N 4", "/First 24", "/N 4 0 R/First 24",
        "/N 4/First 24/Filter/FlateDecode", "/N 4/First 24/Filter/LZWDecode", "/N 4/First 24/DecodeParms<<>>",
        "/N 0/First 0",
    ])
    func streamsThatLieAreNone(dictionary: String) {
        #expect(throws: Rejection.self) { try read(packed(dictionary), "a.pdf") }
    }

    @Test(arguments: [-5000, 5000, Int(Int32.max)])
    func offsetsThatLieAreNone(shift: Int) {
        #expect(throws: Rejection.self) { try read(packed(shift: shift), "a.pdf") }
    }
}
