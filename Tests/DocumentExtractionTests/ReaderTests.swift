import DocumentExtraction
import ExtractionWire
import Foundation
import Testing

@Suite struct ReaderTests {
    private func read(
        _ bytes: [UInt8],
        _ name: String = "",
        type: String = "",
        limits: ExtractionLimits = ExtractionLimits()
    ) throws -> ExtractedDocument {
        try bytes.withUnsafeBytes {
            try DocumentReader.read($0, hints: ExtractionHints(name: name, contentType: type), limits: limits)
        }
    }

    private func read(_ text: String, _ name: String) throws -> ExtractedDocument { try read(Array(text.utf8), name) }

    private func rejection(_ bytes: [UInt8], _ name: String = "", limits: ExtractionLimits = ExtractionLimits())
        -> RejectionCode?
    {
        do {
            _ = try read(bytes, name, limits: limits)
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

    @Test func htmlKeepsItsStructureAndDropsWhatIsNoText() throws {
        let html = """
            <!DOCTYPE html><html><head><title> A  title </title><style>p{}</style></head><body><h1>One &amp; only</h1><p>Some <b>bold</b>
            text.</p><script>alert(1)</script><ul><li>first<li>second</ul><pre>a
              b</pre><table><tr><th>x<td>y</tr></table></body></html>
            """
        let document = try read(html, "page")
        #expect(document.format == .html && document.title == "A title")
        #expect(
            parts(document) == [
                "heading1: One & only", "paragraph: Some bold text.", "listItem: first", "listItem: second",
                "code: a\n  b", "tableRow: x | y",
            ]
        )
    }

    @Test func markdownIsReadAsItIsSeen() throws {
        let markdown =
            "---\nsecret: yes\n---\n# Title *here*\n\nA [link](http://x) and `code` &amp; more  \nnext.\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nlet x\n```\n"
        let document = try read(markdown, "a.md")
        #expect(document.title == "Title here")
        #expect(
            parts(document) == [
                "heading1: Title here", "paragraph: A link and code & more next.", "listItem: one", "listItem: two",
                "tableRow: a | b", "tableRow: 1 | 2", "code: let x",
            ]
        )
    }

    @Test func xmlIsReadInDocumentOrderAndExpandsNothing() throws {
        let xml = """
            <?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY l "lol"><!ENTITY m "&l;&l;&l;&l;">]>
            <article><title>A study</title><sec><title>Part</title><p>Text with <italic>inline</italic> words &amp; &x;&m;.</p></sec></article>
            """
        let document = try read(xml, "a.xml")
        #expect(document.title == "A study" && document.format == .xml)
        let text = String(decoding: document.text, as: UTF8.self)
        #expect(text.contains("Text with inline words &") && !text.contains("root:") && !text.contains("lollol"))
        #expect(rejection(Array("<?xml version=\"1.0\"?><a><b></a>".utf8)) == .malformed)
    }

    @Test(
        arguments: [
            ("UTF-8", Array("naïve — “quoted” €".utf8)),
            ("BOM", [0xEF, 0xBB, 0xBF] + Array("naïve — “quoted” €".utf8)),
            (
                "windows-1252",
                [
                    0x6E, 0x61, 0xEF, 0x76, 0x65, 0x20, 0x97, 0x20, 0x93, 0x71, 0x75, 0x6F, 0x74, 0x65, 0x64, 0x94,
                    0x20, 0x80,
                ]
            ),
            ("UTF-16LE", "naïve — “quoted” €".utf16.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }),
            (
                "UTF-16BE",
                [0xFE, 0xFF] + "naïve — “quoted” €".utf16.flatMap { [UInt8($0 >> 8), UInt8(truncatingIfNeeded: $0)] }
            ),
        ] as [(String, [UInt8])]
    )
    func textOfAnyEncoding(_ name: String, _ bytes: [UInt8]) throws {
        let type = name == "windows-1252" ? "text/plain; charset=iso-8859-1" : ""
        #expect(String(decoding: try read(bytes, "a.txt", type: type).text, as: UTF8.self) == "naïve — “quoted” €")
    }

    @Test func paragraphsAreSeparatedByEmptyLinesAndKeepTheirLines() throws {
        #expect(
            parts(try read("one\r\ntwo\r\n\r\n  three\u{7}\n\n\n", "a.txt")) == [
                "paragraph: one\ntwo", "paragraph:   three",
            ]
        )
    }

    @Test func theDemoPDFHasItsPages() throws {
        let url = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "../../deploy/local/documents/keeper-handbook.pdf"
        )
        let document = try read(Array(Data(contentsOf: url)))
        #expect(document.title == "Keeper handbook" && document.pages.map(\.number) == [1, 2, 3])
        let second = document.pages[1]
        #expect(
            String(decoding: document.text[second.start..<second.end], as: UTF8.self).contains(
                "skimmed every fourteen days"
            )
        )
        #expect(ExtractionReply.document(document).encoded.isEmpty == false)
        #expect(try ExtractionReply(decoding: ExtractionReply.document(document).encoded) == .document(document))
    }

    @Test func everythingElseHasAReason() {
        #expect(rejection([]) == .empty)
        #expect(rejection(Array("   \n ".utf8), "a.txt") == .empty)
        #expect(rejection([0x50, 0x4B, 0x03, 0x04, 0, 0]) == .malformed)
        #expect(rejection([0x89, 0x50, 0x4E, 0x47, 0, 0]) == .needsOCR)
        #expect(rejection([0xD0, 0xCF, 0x11, 0xE0] + [UInt8](repeating: 0, count: 600)) == .unsupported)
        let encrypted = "EncryptedPackage".utf16.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
        #expect(rejection([0xD0, 0xCF, 0x11, 0xE0] + encrypted + [UInt8](repeating: 0, count: 600)) == .encrypted)
        #expect(rejection((0..<100).map { UInt8($0 % 7) }) == .unsupported)
        #expect(rejection(Array("%PDF-1.4\ngarbage".utf8)) == .malformed)
        #expect(
            rejection(Array(repeating: 0x61, count: 5000), "a.txt", limits: ExtractionLimits(pages: 1, textBytes: 1024))
                == .outputLimit
        )
    }

    @Test func repliesThatLieAreRefused() {
        let document = ExtractedDocument(
            format: .text,
            text: Array("aé".utf8),
            blocks: [Block(kind: .paragraph, start: 0, end: 3)]
        )
        let good = ExtractionReply.document(document).encoded
        #expect(throws: Never.self) { try ExtractionReply(decoding: good) }
        for length in 0..<good.count {
            #expect(throws: FrameError.self) { try ExtractionReply(decoding: Array(good.prefix(length))) }
        }
        var outside = document
        outside.blocks = [Block(kind: .paragraph, start: 0, end: 99)]
        var inside = document
        inside.blocks = [Block(kind: .paragraph, start: 0, end: 2)]
        for lie in [outside, inside] {
            #expect(throws: FrameError.self) { try ExtractionReply(decoding: ExtractionReply.document(lie).encoded) }
        }
    }
}
