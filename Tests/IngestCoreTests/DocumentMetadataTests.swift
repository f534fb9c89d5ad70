import IngestCore
import IngestTestKit
import Testing
import TextCoding

@Suite struct DocumentMetadataTests {
    private func text(_ metadata: DocumentMetadata) -> String { String(decoding: metadata.json, as: UTF8.self) }

    @Test func attributesAreOrderedAndTheLaterWins() {
        var metadata = DocumentMetadata()
        metadata.set("b", .text("1"))
        metadata.set("a.c", .list(["x", "y"]))
        metadata.set("b", .number(2))
        metadata.set("source", .text("forged"))
        metadata.set(" ", .text("no name"))
        #expect(text(metadata) == #"{"a_c":["x","y"],"attribute_source":"forged","b":2}"#)
        #expect(!metadata.isCut && metadata.digest.count == 16)
        #expect(DocumentMetadata().digest.isEmpty)
    }

    @Test func noMoreThanTenKilobytesAreKept() {
        var metadata = DocumentMetadata()
        for number in 0..<1000 { metadata.set("name\(number)", .text(String(repeating: "x", count: 100))) }
        #expect(metadata.isCut && metadata.json.count <= 10 << 10 && metadata.json.count > 9 << 10)
        var long = DocumentMetadata()
        long.set("a", .text(String(repeating: "é", count: 10_000)))
        #expect(long.isCut && long.json.count < 5000)
    }

    @Test func namesAreBytes() {
        var metadata = DocumentMetadata()
        metadata.set("e\u{301}", .text("decomposed"))
        metadata.set("\u{E9}", .text("composed"))
        #expect(metadata.attributes.count == 2)
        #expect(metadata["\u{E9}"] == .text("composed"))
    }

    @Test func sidecarsStandBesideTheirObject() {
        let settings = MetadataSettings()
        func subject(_ key: String) -> String? { settings.subject(of: ObjectReference(bucket: "b", key: key))?.key }
        #expect(subject("a/b.pdf.metadata.json") == "a/b.pdf")
        #expect(subject("a/b.pdf") == nil && subject(".metadata.json") == nil && subject("a/.metadata.json") == nil)
        var without = settings
        without.sources = [.user, .tags]
        #expect(without.subject(of: ObjectReference(bucket: "b", key: "b.pdf.metadata.json")) == nil)
    }

    @Test func accessFailsClosed() {
        var settings = MetadataSettings()
        var metadata = DocumentMetadata()
        #expect(settings.accessList(metadata) == nil)
        settings.access = .closed
        #expect(settings.accessList(metadata) == nil)
        settings.access = .open
        #expect(settings.accessList(metadata) == ["*"])
        metadata.set("access", .text("board, finance ,"))
        #expect(settings.accessList(metadata) == ["board", "finance"])
        settings.access = .closed
        metadata.set("access", .list([]))
        #expect(settings.accessList(metadata) == nil)
        metadata.set("access", .number(1))
        #expect(settings.accessList(metadata) == nil)
    }

    @Test func declaredFieldsHaveTypes() {
        #expect(MetadataSettings.declared("a:keyword, b:integer")?.map(\.type) == ["keyword", "integer"])
        #expect(MetadataSettings.declared("")?.isEmpty == true)
        for wrong in ["a", "a:nothing", "a.b:keyword", ":keyword", "a:keyword,a:text", "source:keyword"] {
            #expect(MetadataSettings.declared(wrong) == nil, "\(wrong)")
        }
    }

    @Test func aMessageCarriesNoOtherJSON() throws {
        func body(_ metadata: String) throws -> String {
            var header = ChunkMessage.Header.sample(chunkCount: 0)
            header.metadata = metadata
            return try ChunkMessage(header: header, payload: .sweep).encoded()
        }
        _ = try ChunkMessage(decoding: try body(#"{"a":1}"#))
        for wrong in ["", "[]", "{", #"{"a":1},"tenant":"other""#, #" {"a":1}"#] {
            #expect(throws: ChunkMessage.Unreadable.self) { try ChunkMessage(decoding: try body(wrong)) }
        }
    }

    @Test func anIdentityHasBytesAndMetadata() {
        let plain = Content.etag("e"), described = Content.etag("e\u{1F}0123456789abcdef")
        #expect(plain != described && described.hasBytes(of: plain) && plain.hasBytes(of: described))
        #expect(
            described.etagOfBytes == "e" && !Content.absent.hasBytes(of: plain) && Content.absent.hasBytes(of: .absent)
        )
    }

}
