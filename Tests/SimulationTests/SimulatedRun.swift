import AsyncPrimitives
import IngestCore

/// One seed, from the first event to the end.
struct SimulatedRun {
    let world: World

    private static let latest = Duration.seconds(7200)

    init(seed: UInt64, permitted: Set<Int>? = nil) {
        world = World(seed: seed, story: Story(seed: seed), permitted: permitted)
        let world = world
        world.scheduler.run(until: { world.violation != nil }) { await Self.play(world, seed: seed) }
        if world.violation == nil { world.watcher.finish() }
    }

    private static func play(_ world: World, seed: UInt64) async {
        let shutdowns = LockedValue([Shutdown]())
        let isOver = LockedValue(false)
        await withDiscardingTaskGroup { group in
            group.addTask { await changeBucket(world) }
            let kinds =
                Array(repeating: "ingest", count: world.story.ingestWorkers)
                + Array(repeating: "embed", count: world.story.embedWorkers)
            for (number, kind) in kinds.enumerated() {
                group.addTask { await keepRunning(kind, number, world, seed, shutdowns, isOver) }
            }
            group.addTask {
                await untilQuiet(world)
                isOver.withLock { $0 = true }
                for shutdown in shutdowns.withLock({ $0 }) { shutdown.enter(.stopping) }
            }
        }
    }

    private static func changeBucket(_ world: World) async {
        let clock = world.scheduler.clock
        var steps: [(at: Duration, key: String, change: Story.Change?)] = world.story.changes.map {
            ($0.at, $0.key, $0)
        }
        steps += world.story.hints.map { ($0.at, $0.key, nil) }
        for step in steps.sorted(by: { $0.at < $1.at }) {
            try? await clock.sleep(for: step.at - world.uptime)
            if let change = step.change { world.bucket.change(change.key, change.content, world) }
            // Late, doubled and out of order.
            for _ in 0..<(world.strikes(.duplicated) ? 2 : 1) {
                let late = world.faults.chance(0.3) ? world.faults.draw(0...30_000) : world.faults.draw(0...1000)
                let body = ObjectChange.hint(for: ObjectReference(bucket: World.documents, key: step.key))
                let visibleAt = world.uptime + .milliseconds(late)
                world.events.add(body, document: step.key, now: world.now, visibleAt: visibleAt)
            }
        }
    }

    /// Whoever dies or is stopped is started again.
    private static func keepRunning(
        _ kind: String,
        _ number: Int,
        _ world: World,
        _ seed: UInt64,
        _ shutdowns: LockedValue<[Shutdown]>,
        _ isOver: LockedValue<Bool>
    ) async {
        var life = 0
        while !isOver.withLock({ $0 }) {
            life += 1
            let process = SimulatedProcess("\(kind)\(number).\(life)", world)
            let shutdown = Shutdown()
            shutdowns.withLock { $0.append(shutdown) }
            let fleet = SimulatedFleet(process, shutdown, seed: seed &+ UInt64(number * 1000 + life))
            let ended = Latch()
            Task {
                if kind == "ingest" { await fleet.runIngest() } else { await fleet.runEmbed() }
                ended.open()
            }
            await watch(process, shutdown, ended, kind == "ingest" ? world.events : world.chunks, world)
        }
    }

    private static func watch(
        _ process: SimulatedProcess,
        _ shutdown: Shutdown,
        _ ended: Latch,
        _ queue: SimulatedQueue,
        _ world: World
    ) async {
        let clock = world.scheduler.clock
        var stopping: Duration?
        while process.isAlive {
            if stopping == nil, world.strikes(.stop) {
                world.note(process.name, "SIGTERM", "")
                // What is cut off by the end of the grace period may be paid for again.
                world.watcher.interrupted(process)
                shutdown.enter(.stopping)
            }
            if stopping == nil, shutdown.isStopping { stopping = world.uptime }
            let hasEnded = (try? await finished(ended, within: .seconds(5), clock)) ?? false
            guard hasEnded else { continue }
            let allowed = SimulatedFleet.grace + .seconds(50)
            let took = world.uptime - (stopping ?? world.uptime)
            return world.watcher.stopped(process, queue, took: took, allowed: allowed)
        }
        shutdown.enter(.now)
    }

    private static func finished(_ ended: Latch, within time: Duration, _ clock: SimulatedClock) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await ended.wait()
                return true
            }
            group.addTask {
                try await clock.sleep(for: time)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next()!
        }
    }

    private static func untilQuiet(_ world: World) async {
        let clock = world.scheduler.clock
        let lastChange = max(
            world.story.changes.last?.at ?? .zero,
            world.story.hints.map(\.at).max() ?? .zero
        )
        while world.uptime < latest {
            try? await clock.sleep(for: .seconds(2))
            let hasStruck = world.story.intensity.isEmpty || world.uptime >= Story.faultsEnd
            if hasStruck, world.uptime > lastChange, world.events.messages.isEmpty, world.chunks.messages.isEmpty {
                return
            }
        }
    }
}
