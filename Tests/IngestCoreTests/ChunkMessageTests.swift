import IngestCore
import Testing

@Suite struct ChunkMessageTests {
    /// As workers of version 1 write it: later ones have to read it for as long as such messages may wait in a queue.
    static let versionOne = #"""
        {"version":1,"header":{"tenant":"t","object":{"bucket":"b","key":"docs/a.pdf"},"documentID":"0123","index":"documents-chunks-x","fingerprint":"x",
        "generation":7,"content":{"etag":"e"},"chunkCount":0,"format":"pdf","title":"T","language":"en","lastModified":"Wed, 04 Mar 2026 05:06:07 GMT"},
        "handOver":{"bucket":"h","key":"hand-over/0123/7.zst"}}
        """#

    @Test func versionOneIsRead() throws {
        let message = try ChunkMessage(decoding: Self.versionOne)
        #expect(
            message.header.generation == 7 && message.header.content == .etag("e") && message.header.format == "pdf"
        )
        #expect(message.payload == .object(ObjectReference(bucket: "h", key: "hand-over/0123/7.zst")))
        #expect(message.header.reason == nil)
        let again = try ChunkMessage(decoding: try message.encoded())
        #expect(again == message)
    }

    @Test func fieldsThatAVersionDoesNotKnowAreNoMistakeAndNewerVersionsAreLeft() throws {
        let extended = Self.versionOne.replacing(#""tenant":"t""#, with: #""tenant":"t","later":{"x":1}"#)
        #expect(try ChunkMessage(decoding: extended).header.tenant == "t")
        #expect(throws: ChunkMessage.Unreadable.newer(3)) {
            try ChunkMessage(decoding: #"{"version":3,"header":"another form"}"#)
        }
    }

    @Test func onlyWhatOlderWorkersMustNotReadSaysANewerVersion() throws {
        var message = try ChunkMessage(decoding: Self.versionOne)
        #expect(try message.encoded().contains(#""version":1"#))
        message.payload = .sweep
        let body = try message.encoded()
        #expect(body.contains(#""version":2"#))
        #expect(try ChunkMessage(decoding: body) == message)
    }
}
