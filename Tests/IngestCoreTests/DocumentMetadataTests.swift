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

    /// As S3 returns user metadata that is not ASCII.
    @Test(arguments: [
        ("plain = text?", "plain = text?"), ("=?UTF-8?B?SGF1cw==?=", "Haus"),
        ("=?UTF-8?Q?K=C3=BCndigung_1?=", "Kündigung 1"),
        ("=?utf-8?b?w6Q=?= und =?UTF-8?Q?=C3=B6?=", "ä und ö"), ("=?UTF-8?Q?a=C3?= \t=?UTF-8?Q?=BC?=", "aü"),
        ("=?UTF-8?Q?a?=  b =?UTF-8?Q?c?=", "a  b c"), ("=?iso-8859-1?Q?=FC?=", "ü"), ("=?UTF-8*de?Q?x?=", "x"),
        ("=?KOI8-R?B?8A==?=", "=?KOI8-R?B?8A==?="), ("=?UTF-8?X?8A==?=", "=?UTF-8?X?8A==?="),
        ("=?UTF-8?B?%?=", "=?UTF-8?B?%?="), ("=?UTF-8?Q?=+1?=", "=?UTF-8?Q?=+1?="),
        ("=?UTF-8?Q?=C?=", "=?UTF-8?Q?=C?="),
        ("=?UTF-8?Q?x", "=?UTF-8?Q?x"), ("=?", "=?"), ("=", "="), ("=?UTF-8?B??=", ""), ("=?UTF-8?Q?=FF?=", "\u{FFFD}"),
    ])
    func encodedWordsOfUserMetadataAreDecoded(_ value: String, _ meaning: String) {
        #expect(EncodedWords.decoded(value) == meaning)
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
