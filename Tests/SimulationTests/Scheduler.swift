import AsyncPrimitives
import Glibc
import IngestCore

/// Runs every Swift concurrency job of the calling thread on that thread, in an order drawn from a seed, under virtual time.
///
/// Works through the runtime's `swift_task_enqueueGlobal_hook`: tasks, child tasks and continuations all arrive there, so the code under test
/// stays as it is. Two things do not, and it uses neither: `Task.yield()`, and sleeping on a system clock.
///
/// Unchecked: everything happens on one thread.
final class Scheduler: @unchecked Sendable {
    private var random: SplitMix
    private var ready: [UnownedJob] = []
    let clock = SimulatedClock()
    private(set) var switches = 0
    /// FNV-1a over the choices made: two runs of one seed must agree.
    private(set) var fingerprint: UInt64 = 0xcbf2_9ce4_8422_2325

    init(seed: UInt64) { random = SplitMix(state: seed) }

    /// Runs `body` and what it starts until it has returned, `isOver` says so, or nothing can happen any more.
    func run(until isOver: () -> Bool, _ body: @escaping @Sendable () async -> Void) {
        Self.install()
        precondition(Self.current == nil, "one simulation at a time")
        Self.current = (self, pthread_self())
        defer { Self.current = nil }
        nonisolated(unsafe) var hasReturned = false
        Task {
            await body()
            hasReturned = true
        }
        while !hasReturned, !isOver(), step() || clock.advance() {}
    }

    private func step() -> Bool {
        guard !ready.isEmpty else { return false }
        let choice = ready.count == 1 ? 0 : Int.random(in: 0..<ready.count, using: &random)
        ready.swapAt(choice, ready.count - 1)
        let job = ready.removeLast()
        switches += 1
        fingerprint = (fingerprint ^ UInt64(choice)) &* 0x100_0000_01b3
        job.runSynchronously(on: Self.serial.asUnownedSerialExecutor())
        return true
    }

    private typealias Original = @convention(thin) (UnownedJob) -> Void
    private typealias Hook = @convention(thin) (UnownedJob, Original) -> Void
    private final class Inline: SerialExecutor {
        func enqueue(_ job: consuming ExecutorJob) { preconditionFailure("this executor is not used") }
    }
    nonisolated(unsafe) private static var current: (scheduler: Scheduler, thread: pthread_t)?
    private static let serial = Inline()
    nonisolated(unsafe) private static let hook: UnsafeMutablePointer<Hook?> =
        dlsym(dlopen(nil, RTLD_LAZY), "swift_task_enqueueGlobal_hook")!.assumingMemoryBound(to: Hook?.self)

    private static func install() {
        hook.pointee = { job, original in
            // Jobs of other threads, a test runner's, are not ours.
            guard let current = Scheduler.current, pthread_equal(current.thread, pthread_self()) != 0 else {
                return original(job)
            }
            current.scheduler.ready.append(job)
        }
    }
}

extension SplitMix {
    mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
    mutating func draw(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    mutating func chance(_ probability: Double) -> Bool { unit() < probability }
}

/// Time that moves only when nothing else can. Unchecked: one thread.
final class SimulatedClock: @unchecked Sendable {
    private(set) var now = Duration.zero
    private var sleepers: [(due: Duration, number: Int, promise: Promise<Void>)] = []
    private var count = 0

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > .zero else { return }
        count += 1
        let promise = Promise<Void>()
        sleepers.append((now + duration, count, promise))
        let number = count
        do {
            try await promise.value()
        } catch {
            sleepers.removeAll { $0.number == number }
            throw error
        }
    }

    /// Fulfilled after `duration`, or earlier by another task.
    func alarm(after duration: Duration) -> Promise<Void> {
        count += 1
        let promise = Promise<Void>()
        sleepers.append((now + duration, count, promise))
        return promise
    }

    func advance() -> Bool {
        guard
            let index = sleepers.indices.min(by: {
                (sleepers[$0].due, sleepers[$0].number) < (sleepers[$1].due, sleepers[$1].number)
            })
        else { return false }
        let next = sleepers.remove(at: index)
        now = max(now, next.due)
        next.promise.fulfil(.success(()))
        return true
    }
}
