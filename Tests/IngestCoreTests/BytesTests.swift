import AsyncPrimitives
import Foundation
import IngestCore
import IngestTestKit
import Testing

/// Keys, names and hashes from outside are bytes.
@Suite struct BytesTests {
    static let composed = ObjectReference(bucket: "docs", key: "caf\u{E9}.txt")
    static let decomposed = ObjectReference(bucket: "docs", key: "cafe\u{301}.txt")

    @Test func keysThatDifferInNormalizationAreTwo() {
        #expect(Self.composed.key == Self.decomposed.key, "Swift takes them for one")
        #expect(Self.composed != Self.decomposed)
        #expect(Set([Self.composed, Self.decomposed]).count == 2)
        #expect([Self.composed, Self.decomposed].sorted() == [Self.decomposed, Self.composed], "by bytes")
        #expect(Content.etag("\u{E9}") != Content.etag("e\u{301}"))
        let ids = [Self.composed, Self.decomposed].map { DocumentID(tenant: "t", object: $0) }
        #expect(ids[0] != ids[1])
    }

    @Test func aSlashBeforeACombiningMarkIsASlash() {
        let object = ObjectReference(bucket: "b", key: "folder/\u{301}x")
        #expect(object.folder == "folder/" && object.name == "\u{301}x")
    }

    @Test func deliveriesOfTwinsAreTwoJobs() async throws {
        let time = VirtualTime()
        let queue = InMemoryQueue(time: time)
        for object in [Self.composed, Self.decomposed, Self.composed] {
            try await queue.send(OutgoingMessage(body: ObjectChange.hint(for: object)))
        }
        let shutdown = Shutdown()
        let sizes = LockedValue([Int]())
        let handler = WorkLoop.Handler(
            mergeKey: { delivery in
                guard case .changes(let changes) = try? EventParser.parse(delivery.body) else { return nil }
                return changes[0].object
            },
            work: { job in
                sizes.withLock { $0.append(job.deliveries.count) }
                return .done
            }
        )
        let loop = WorkLoop(
            queue: queue,
            deadLetters: InMemoryQueue(time: time),
            settings: .init(concurrency: 10, exitWhenIdle: .seconds(3)),
            shutdown: shutdown,
            environment: LoopEnvironment.test(time: time),
            handler: handler
        )
        await time.flowing { await loop.run() }
        #expect(sizes.withLock { $0.sorted() } == [1, 2])
    }
}
