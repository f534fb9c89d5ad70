/// Gathers single requests of many tasks into batches: one call to the server instead of one for each document.
///
/// A batch is sent when `linger` has passed since its first request, or earlier when it is full; while all `concurrency` calls are
/// under way, requests gather. `run()` must be running for submissions to finish; when it ends, what waits fails.
package final class RequestBatcher<Request: Sendable, Reply: Sendable>: Sendable {
    package struct Limits: Sendable {
        package var count: Int
        /// The most that the weights of a batch may add up to; a single heavier request goes alone.
        package var weight: Int
        /// The same where it changes while the batcher runs.
        package var currentWeight: @Sendable () -> Int
        package var linger: Duration
        package var concurrency: Int
        /// A submission that is cancelled while its batch is in flight ends when the batch has ended: what it wrote is written then. One
        /// that has not been sent is withdrawn in any case.
        package var outlastsCancellation: Bool

        package init(
            count: Int,
            weight: Int = .max,
            currentWeight: @escaping @Sendable () -> Int = { .max },
            linger: Duration,
            concurrency: Int,
            outlastsCancellation: Bool = false
        ) {
            self.count = count
            self.weight = weight
            self.currentWeight = currentWeight
            self.linger = linger
            self.concurrency = concurrency
            self.outlastsCancellation = outlastsCancellation
        }
    }

    private struct Entry: Sendable {
        let request: Request
        let weight: Int
        let turn: (rank: Int, group: String)
        let promise: Promise<Reply>
        /// Of its batch; nil where no submission waits for that.
        let end: Promise<Void>?
    }

    private struct State {
        var queue: [Entry] = []
        var weight = 0
        var idle: Promise<Void>?
        /// Opened when a batch is full before its linger is over.
        var filled: Latch?
        var isClosed = false
    }

    private let state = LockedValue(State())
    private let slots: AsyncSemaphore
    private let limits: Limits
    private let time: any TimeSource
    private let weigh: @Sendable (Request) -> Int
    private let turn: @Sendable (Request) -> (rank: Int, group: String)
    private let perform: @Sendable ([Request]) async -> [Result<Reply, any Error>]

    /// - Parameters:
    ///   - turn: requests of a lower rank go first; among equals batches are filled in turns over groups.
    ///   - perform: sends one batch; its results are in the order of the requests.
    package init(
        _ limits: Limits,
        time: any TimeSource,
        weigh: @escaping @Sendable (Request) -> Int = { _ in 1 },
        turn: @escaping @Sendable (Request) -> (rank: Int, group: String) = { _ in (0, "") },
        perform: @escaping @Sendable ([Request]) async -> [Result<Reply, any Error>]
    ) {
        self.limits = limits
        self.time = time
        self.weigh = weigh
        self.turn = turn
        self.perform = perform
        slots = AsyncSemaphore(limits.concurrency)
    }

    package func submit(_ request: Request) async throws -> Reply {
        try await submit(contentsOf: [request])[0].get()
    }

    /// The replies to all, in their order; they may travel in several batches. Throws where the task is cancelled, or the batcher ends.
    package func submit(contentsOf requests: [Request]) async throws -> [Result<Reply, any Error>] {
        let entries = requests.map { request in
            let end = limits.outlastsCancellation ? Promise<Void>() : nil
            return Entry(
                request: request,
                weight: weigh(request),
                turn: turn(request),
                promise: Promise(),
                end: end
            )
        }
        guard enqueue(entries) else { throw CancellationError() }
        var replies: [Result<Reply, any Error>] = []
        replies.reserveCapacity(entries.count)
        for entry in entries {
            do {
                replies.append(.success(try await entry.promise.value()))
            } catch is CancellationError {
                // What has not been sent is dropped: no caller waits for it.
                let sent = withdraw(entries)
                for entry in sent { try? await entry.end?.uncancelledValue() }
                throw CancellationError()
            } catch {
                replies.append(.failure(error))
            }
        }
        return replies
    }

    /// False when no more are taken.
    private func enqueue(_ entries: [Entry]) -> Bool {
        let (isClosed, idle, filled): (Bool, Promise<Void>?, Latch?) = state.withLock { state in
            if state.isClosed { return (true, nil, nil) }
            guard !entries.isEmpty else { return (false, nil, nil) }
            state.queue += entries
            state.weight += entries.reduce(0) { $0 + $1.weight }
            defer { state.idle = nil }
            let isFull = state.queue.count >= limits.count || state.weight >= mostWeight
            return (false, state.idle, isFull ? state.filled : nil)
        }
        idle?.fulfil(.success(()))
        filled?.open()
        return !isClosed
    }

    /// Takes back those that have not been sent yet; returns the others.
    private func withdraw(_ entries: [Entry]) -> [Entry] {
        let names = Set(entries.map { ObjectIdentifier($0.promise) })
        let unsent = state.withLock { state in
            let withdrawn = state.queue.filter { names.contains(ObjectIdentifier($0.promise)) }
            state.queue.removeAll { names.contains(ObjectIdentifier($0.promise)) }
            state.weight -= withdrawn.reduce(0) { $0 + $1.weight }
            return Set(withdrawn.map { ObjectIdentifier($0.promise) })
        }
        return entries.filter { !unsent.contains(ObjectIdentifier($0.promise)) }
    }

    package func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                guard (try? await waitForWork()) != nil, (try? await slots.acquire()) != nil else { break }
                let batch = takeBatch()
                guard !batch.isEmpty else {
                    // All of it was withdrawn.
                    slots.release()
                    continue
                }
                group.addTask {
                    await self.send(batch)
                    self.slots.release()
                }
            }
            close()
            group.cancelAll()
        }
    }

    private func waitForWork() async throws {
        let idle: Promise<Void>? = state.withLock { state in
            guard state.queue.isEmpty else { return nil }
            let promise = Promise<Void>()
            state.idle = promise
            return promise
        }
        try await idle?.value()
        guard !isFull else { return }
        let filled = Latch()
        state.withLock { $0.filled = filled }
        defer { state.withLock { $0.filled = nil } }
        if isFull { return }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.time.sleep(for: self.limits.linger) }
            group.addTask { try await filled.wait() }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private var isFull: Bool { state.withLock { $0.queue.count >= limits.count || $0.weight >= mostWeight } }

    private var mostWeight: Int { min(limits.weight, limits.currentWeight()) }

    private func takeBatch() -> [Entry] {
        state.withLock { state in
            Self.takeTurns(&state.queue)
            let most = mostWeight
            var count = 0
            var weight = 0
            while count < min(state.queue.count, limits.count) {
                let next = state.queue[count].weight
                if count > 0, weight + next > most { break }
                weight += next
                count += 1
            }
            let batch = Array(state.queue.prefix(count))
            state.queue.removeFirst(count)
            state.weight -= weight
            return batch
        }
    }

    /// Of each rank the first request of each group, then the second of each.
    private static func takeTurns(_ queue: inout [Entry]) {
        guard let first = queue.first?.turn, queue.contains(where: { $0.turn != first }) else { return }
        var counts: [String: Int] = [:]
        let ranks = queue.indices.map { place in
            let turn = queue[place].turn
            counts[turn.group, default: 0] += 1
            return (turn.rank, counts[turn.group] ?? 0, place)
        }
        queue = ranks.sorted { $0 < $1 }.map { queue[$0.2] }
    }

    private func send(_ batch: [Entry]) async {
        let results = await perform(batch.map(\.request))
        precondition(results.count == batch.count, "a batch has a result for each request")
        for (entry, result) in zip(batch, results) {
            entry.promise.fulfil(result)
            entry.end?.fulfil(.success(()))
        }
    }

    private func close() {
        let left = state.withLock { state in
            state.isClosed = true
            defer { state.queue = [] }
            return state.queue
        }
        for entry in left {
            entry.promise.fulfil(.failure(CancellationError()))
            entry.end?.fulfil(.success(()))
        }
    }
}
