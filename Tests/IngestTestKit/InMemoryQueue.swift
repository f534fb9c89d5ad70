import AsyncPrimitives
import IngestCore
import Resilience

/// A queue with visibility timeouts on a given clock. On request it does what SQS may do: fail items of a batch, deliver twice.
package final class InMemoryQueue: MessageQueue {
    package struct Stored: Sendable {
        package var message: OutgoingMessage
        package var id: String
        package var sent: Timestamp
        package var visibleAt: Duration = .zero
        package var receiveCount = 0
        package var receipt: String?
        package var receivedAt: Duration = .zero
    }

    private struct State {
        var messages: [Stored] = []
        var deleted: [String] = []
        var counter = 0
        var attributes = QueueAttributes()
        var extensions: [String: Int] = [:]
        var sendFailures = 0
        var sendsLeft = Int.max
        var deleteFailures = 0
        var lostReceipts: Set<String> = []
        var largestReceive = 0
        var largestReceiveCount = 0
        var refusedExtensions = 0
    }

    private let state = LockedValue(State())
    private let time: any TimeSource
    private let timeout: Duration

    package init(time: any TimeSource, timeout: Duration = .seconds(30)) {
        self.time = time
        self.timeout = timeout
    }

    package var messages: [Stored] { state.withLock { $0.messages } }
    package var deletedCount: Int { state.withLock { $0.deleted.count } }
    package var largestReceive: Int { state.withLock { $0.largestReceive } }
    package var largestReceiveCount: Int { state.withLock { $0.largestReceiveCount } }
    package var refusedExtensions: Int { state.withLock { $0.refusedExtensions } }
    package func extensions(ofMessage id: String) -> Int { state.withLock { $0.extensions[id] ?? 0 } }
    package func failNextDeletes(_ count: Int) { state.withLock { $0.deleteFailures = count } }
    /// After so many more sends each fails.
    package func failSends(after count: Int) { state.withLock { $0.sendsLeft = count } }
    package func failNextSends(_ count: Int) { state.withLock { $0.sendFailures = count } }

    /// The delivery under way loses its lease, as if another worker had received the message.
    package func loseLease(ofMessage id: String) {
        state.withLock { state in
            if let receipt = state.messages.first(where: { $0.id == id })?.receipt {
                state.lostReceipts.insert(receipt)
            }
        }
    }

    package func receive(maximum: Int, wait: Duration) async throws -> [Delivery] {
        var found = take(maximum)
        if found.isEmpty {
            try await time.sleep(for: wait)
            found = take(maximum)
        }
        return found
    }

    private func take(_ maximum: Int) -> [Delivery] {
        state.withLock { state in
            state.largestReceive = max(state.largestReceive, maximum)
            let now = time.uptime
            let indexes = state.messages.indices.filter { state.messages[$0].visibleAt <= now }.prefix(maximum)
            return indexes.map { index in
                state.counter += 1
                state.messages[index].receiveCount += 1
                state.messages[index].visibleAt = now + timeout
                state.messages[index].receivedAt = now
                state.largestReceiveCount = max(state.largestReceiveCount, state.messages[index].receiveCount)
                let receipt = "receipt-\(state.counter)"
                state.messages[index].receipt = receipt
                let stored = state.messages[index]
                return Delivery(
                    messageID: stored.id,
                    receipt: receipt,
                    body: stored.message.body,
                    receiveCount: stored.receiveCount + MessageCopy.receives(stored.message.attributes),
                    sent: stored.sent,
                    attributes: stored.message.attributes,
                    trace: stored.message.trace,
                    received: time.now
                )
            }
        }
    }

    package func delete(_ receipts: [String]) async throws -> [Result<Void, any Error>] {
        try state.withLock { state in
            if state.deleteFailures > 0 {
                state.deleteFailures -= 1
                throw Failure.transient("503", of: .queue("events"))
            }
            return deleteNow(receipts, &state)
        }
    }

    private func deleteNow(_ receipts: [String], _ state: inout State) -> [Result<Void, any Error>] {
        receipts.map { receipt in
            if let index = state.messages.firstIndex(where: { $0.receipt == receipt }) {
                state.deleted.append(state.messages.remove(at: index).id)
            }
            return .success(())
        }
    }

    package func setVisibility(_ receipts: [String], _ timeout: Duration) async throws -> [Result<Void, LeaseError>] {
        state.withLock { state in
            receipts.map { receipt in
                guard !state.lostReceipts.contains(receipt),
                    let index = state.messages.firstIndex(where: { $0.receipt == receipt }),
                    // SQS counts 12 hours from the receive.
                    time.uptime + timeout <= state.messages[index].receivedAt + .seconds(43_200)
                else {
                    state.refusedExtensions += 1
                    return .failure(.lost)
                }
                state.messages[index].visibleAt = time.uptime + timeout
                state.extensions[state.messages[index].id, default: 0] += 1
                return .success(())
            }
        }
    }

    package func send(_ message: OutgoingMessage) async throws {
        let fails = state.withLock { state in
            if state.sendFailures > 0 {
                state.sendFailures -= 1
                return true
            }
            guard state.sendsLeft > 0 else { return true }
            state.sendsLeft -= 1
            state.counter += 1
            var stored = Stored(message: message, id: "message-\(state.counter)", sent: time.now)
            stored.visibleAt = time.uptime + (message.delay ?? .zero)
            state.messages.append(stored)
            return false
        }
        if fails { throw Failure.transient("the queue does not answer") }
    }

    package func attributes() async throws -> QueueAttributes {
        state.withLock { state in
            var attributes = state.attributes
            let now = time.uptime
            attributes.visibleMessages = state.messages.count { $0.visibleAt <= now }
            attributes.invisibleMessages = state.messages.count - attributes.visibleMessages
            return attributes
        }
    }
}
