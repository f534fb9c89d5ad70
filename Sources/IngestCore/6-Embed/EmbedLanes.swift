import AsyncPrimitives

/// Admits documents to memory and to the provider, in turns over tenants (`TenantTurns`).
///
/// Slow documents, those with more chunks than a window, have all lanes but one at most, too. They share three quarters of the bytes; the rest
/// stays for quick ones. Where every message that the worker may hold is here, one that has waited in vain gives up its place, so that messages of
/// other tenants can be received.
package final class EmbedLanes: Sendable {
    /// Nothing that the document needs will be free soon: its message goes back into the queue.
    package struct Busy: Error {}

    package struct Document: Sendable {
        package var tenant: String
        /// The memory that it takes, in bytes.
        package var bytes: Int
        package var isSlow: Bool
        /// False where what was paid for it would be lost.
        package var mayGiveUp: Bool

        package init(tenant: String, bytes: Int, isSlow: Bool, mayGiveUp: Bool = true) {
            self.tenant = tenant
            self.bytes = bytes
            self.isSlow = isSlow
            self.mayGiveUp = mayGiveUp
        }
    }

    private struct Entry: Sendable {
        let document: Document
        let turn = Promise<Void>()
    }

    private struct State {
        var waiting: [Entry] = []
        var turns: TenantTurns
        var slow = 0
        var slowBytes = 0
        var quickBytes = 0
        var lastTenant: String?
        /// When a document of another tenant than the one before came last.
        var lastChange: Duration?
        /// How many have given up since.
        var refusals = 0
    }

    private let state: LockedValue<State>
    private let documents: Int
    private let bytes: Int
    private let time: any TimeSource
    /// How long a document waits before it may give up.
    private static let longestWait = Duration.seconds(5)
    /// A fleet with one tenant has no others to make room for: there each that gives up waits so much longer than the one before, as a copy of a message
    /// costs requests. What came in this time counts as the fleet's tenants.
    private static let waitStep = Duration.milliseconds(5)
    private static let memory = Duration.seconds(3600)

    /// - Parameters:
    ///   - documents: how many messages the worker holds at most.
    ///   - bytes: memory for all documents at work.
    package init(documents: Int, bytes: Int, time: any TimeSource) {
        self.documents = documents
        self.bytes = bytes
        self.time = time
        state = LockedValue(State(turns: TenantTurns(lanes: documents)))
    }

    /// Runs `body` when it is the document's turn. Throws `Busy`, or when the task is cancelled while it waits.
    package func run<Value>(_ document: Document, _ body: () async throws -> Value) async throws -> Value {
        var document = document
        document.bytes = min(max(document.bytes, 0), document.isSlow ? slowLimit : bytes)
        try await begin(Entry(document: document))
        defer { end(document) }
        return try await body()
    }

    private func begin(_ entry: Entry) async throws {
        let (started, wait) = state.withLock { state in
            notice(entry.document.tenant, &state)
            state.waiting.append(entry)
            return (start(&state), timeToGiveUp(entry.document, state))
        }
        for entry in started { entry.turn.fulfil(.success(())) }
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    var wait = wait
                    while true {
                        try await self.time.sleep(for: wait)
                        self.giveUp(entry)
                        wait = Self.longestWait
                    }
                }
                defer { group.cancelAll() }
                try await entry.turn.value()
            }
        } catch let busy as Busy {
            throw busy
        } catch {
            // Either still in line, or the turn came just before the cancellation: then it has to be returned.
            if !state.withLock({ Self.withdraw(entry, &$0) }) { end(entry.document) }
            throw error
        }
    }

    private func end(_ document: Document) {
        let started = state.withLock { state in
            state.turns.end(document.tenant, now: time.uptime)
            if document.isSlow {
                state.slow -= 1
                state.slowBytes -= document.bytes
            } else {
                state.quickBytes -= document.bytes
            }
            return start(&state)
        }
        for entry in started { entry.turn.fulfil(.success(())) }
    }

    /// Takes those out of the line whose turn it is.
    private func start(_ state: inout State) -> [Entry] {
        var started: [Entry] = []
        while let place = next(state) {
            let entry = state.waiting.remove(at: place)
            let document = entry.document
            state.turns.begin(document.tenant)
            if document.isSlow {
                state.slow += 1
                state.slowBytes += document.bytes
            } else {
                state.quickBytes += document.bytes
            }
            started.append(entry)
        }
        return started
    }

    private func next(_ state: State) -> Int? {
        let isSlowWaiting = state.waiting.contains { $0.document.isSlow && hasLane($0.document, state) }
        return state.turns.next(among: state.waiting, tenant: \.document.tenant) {
            hasLane($0.document, state) && hasMemory($0.document, state, isSlowWaiting)
        }
    }

    private var slowLimit: Int { bytes / 4 * 3 }

    private func hasLane(_ document: Document, _ state: State) -> Bool {
        guard state.turns.hasLane(document.tenant) else { return false }
        return !document.isSlow || state.slow < state.turns.lanesOfOne && state.slowBytes + document.bytes <= slowLimit
    }

    /// Quick documents take what slow ones leave, and no more than their own quarter while one of those waits. One of them always finds room.
    private func hasMemory(_ document: Document, _ state: State, _ isSlowWaiting: Bool) -> Bool {
        if !document.isSlow, state.quickBytes == 0 { return true }
        let free = bytes - state.slowBytes - state.quickBytes
        if document.isSlow { return document.bytes <= free || state.slowBytes + state.quickBytes == 0 }
        return document.bytes <= free && (!isSlowWaiting || state.quickBytes + document.bytes <= bytes - slowLimit)
    }

    private func isFull(_ state: State) -> Bool { state.turns.running + state.waiting.count >= documents }

    private func notice(_ tenant: String, _ state: inout State) {
        if let last = state.lastTenant, last != tenant { (state.lastChange, state.refusals) = (time.uptime, 0) }
        state.lastTenant = tenant
    }

    /// How long the document waits before it may give up: not as long where it would be in vain, as it was for another of its tenant.
    private func timeToGiveUp(_ document: Document, _ state: State) -> Duration {
        guard state.turns.isBusy(document.tenant, now: time.uptime) else { return Self.longestWait }
        if let change = state.lastChange, change + Self.memory > time.uptime { return .zero }
        return min(Self.waitStep * state.refusals, Self.longestWait)
    }

    private func giveUp(_ entry: Entry) {
        let hasGivenUp = state.withLock { state in
            guard entry.document.mayGiveUp, documents > 1, isFull(state), Self.withdraw(entry, &state) else {
                return false
            }
            state.refusals += 1
            state.turns.setBusy(entry.document.tenant, now: time.uptime)
            return true
        }
        if hasGivenUp { entry.turn.fulfil(.failure(Busy())) }
    }

    /// Whether the document was still in line.
    private static func withdraw(_ entry: Entry, _ state: inout State) -> Bool {
        guard let place = state.waiting.firstIndex(where: { $0.turn === entry.turn }) else { return false }
        state.waiting.remove(at: place)
        return true
    }
}
