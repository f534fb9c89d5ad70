import ExtractionWire
import Foundation
import IngestCore
import IngestTestKit
import Resilience
import Testing

@Suite(.serialized, .enabled(if: LocalStack.shared != nil, Comment(rawValue: LocalStack.skipReason)))
struct AWSTests {
    private var stack: LocalStack { LocalStack.shared! }

    private func object(_ key: String) -> ObjectReference { ObjectReference(bucket: stack.handoff, key: key) }

    @Test(arguments: [
        "plain.txt", "a//b", "a/../b", "a/./c", "spa ce+plus%25", "ü/日本/😀.txt", "tilde~", "%2F",
        String(repeating: "k", count: 1000),
    ])
    func objectsOfAnyNameGoThereAndBack(_ key: String) async throws {
        let store = stack.services(nil).objectStore()
        let bytes = Array("body of \(key)".utf8)
        try await store.write(object(key), bytes)
        #expect(try await store.readBytes(object(key), maximum: 100_000) == bytes)
        guard case .object(let stored) = try await store.read(object(key), unless: nil) else {
            return _ = Issue.record("not read")
        }
        #expect(stored.bytes == bytes.count && !stored.etag.contains("\""))
        guard case .unchanged = try await store.read(object(key), unless: stored.etag) else {
            return _ = Issue.record("read again")
        }
        var listed: [String] = []
        // Other keys may be there: the page after the key before this one begins with it.
        var last: String?
        while true {
            let page = try await store.page(bucket: stack.handoff, prefix: "", after: last, limit: 2)
            listed += page.entries.map(\.key)
            last = page.entries.last?.key
            if page.next == nil { break }
        }
        #expect(listed.contains(key) && Set(listed).count == listed.count)
        #expect(try await store.entry(object(key))?.etag == stored.etag)
        try await store.delete(object(key))
        guard case .missing = try await store.read(object(key), unless: nil) else {
            return _ = Issue.record("still there")
        }
        try await store.delete(object(key))
    }

    @Test func tooLargeIsDecidedFromTheHeadAndAMissingBucketHoldsUpNobody() async throws {
        let store = stack.services(nil).objectStore(maximumBytes: 10)
        try await store.write(object("large"), [UInt8](repeating: 1, count: 100))
        await #expect { _ = try await store.read(object("large"), unless: nil) } throws: { error in
            guard let refused = error as? RefusedObject else { return false }
            return refused.rejection.code == .tooLarge && refused.etag != nil
        }
        await #expect {
            _ = try await store.read(ObjectReference(bucket: "no-such-bucket", key: "k"), unless: nil)
        } throws: { Failure($0).kind == "transient" && Failure($0).summary.contains("no such bucket") }
        await #expect {
            try await store.write(ObjectReference(bucket: "no-such-bucket", key: "k"), [1])
        } throws: { Failure($0).kind == "fleet" }
    }

    @Test func messagesKeepTheirBodiesReceiptsAndCounts() async throws {
        let queue = stack.services(nil).queue(stack.events)
        while true {  // what setting up left there
            let old = try await queue.receive(maximum: 10, wait: .seconds(1))
            if old.isEmpty { break }
            _ = try await queue.delete(old.map(\.receipt))
        }
        let body = ObjectChange.hint(for: ObjectReference(bucket: "b", key: "ü \u{1} 😀"))
        let trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
        try await queue.send(OutgoingMessage(body: body, attributes: ["reason": "test"], trace: trace))
        let first = try #require(try await queue.receive(maximum: 10, wait: .seconds(5)).first)
        #expect(first.body == body && first.receiveCount == 1 && first.trace == trace)
        let given = try await queue.setVisibility([first.receipt], .zero)
        #expect(throws: Never.self) { try given[0].get() }
        let second = try #require(try await queue.receive(maximum: 10, wait: .seconds(5)).first)
        #expect(second.receiveCount == 2 && second.messageID == first.messageID)
        let results = try await queue.delete([second.receipt, "no-such-receipt"])
        #expect(results.count == 2)
        #expect(throws: Never.self) { try results[0].get() }
        let attributes = try await queue.attributes()
        #expect(
            attributes.isEmpty && attributes.redrive?.maximumReceives == 5
                && attributes.maximumMessageBytes == 1_048_576
        )
        #expect(queue.sibling(arn: try #require(attributes.redrive).deadLetterARN).url == stack.events + "-dead")
    }

    @Test func aQueueThatIsNotThereIsAFleetFault() async throws {
        let queue = stack.services(nil).queue(stack.events + "-nowhere")
        await #expect { _ = try await queue.attributes() } throws: { error in
            Failure(error).kind == "fleet" && Failure(error).summary.contains("nowhere")
        }
    }
}
