import IngestCore
import IngestTestKit
import Testing

/// `ingestctl dead-letters` lists queues of any length.
@Suite struct QueueListingTests {
    private let time = VirtualTime()

    private func delivery(_ number: Int) -> Delivery {
        let id = "m\(number)"
        return Delivery(messageID: id, receipt: "\(id)-\(time.uptime)", body: "", sent: time.now, received: time.now)
    }

    /// Of a long queue the first messages are visible again before the last ones were received.
    @Test func messagesThatComeAgainDoNotEndTheListing() async throws {
        var batches = [(0..<10), (10..<20), (0..<10), (5..<15), (20..<27)].map { $0.map(delivery) }
        batches.reverse()
        let (found, receipts) = await QueueListing.read { batches.popLast() ?? [] }
        #expect(Set(found.map(\.messageID)).count == 27 && found.count == 27)
        #expect(receipts.count == 47, "each is visible again at the end")
    }
}
