import AsyncPrimitives
import IngestCore

/// One seed, from the first event to the end.
struct SimulatedRun {
    let world: World

    /// A worker from its start to its end.
    private struct Life: Sendable {
        var process: SimulatedProcess
        var shutdown: Shutdown
    }

    private static let latest = Duration.seconds(7200)

    /// - Parameter isDouble: with a second pipeline.
    init(seed: UInt64, isDouble: Bool = false, permitted: Set<Int>? = nil) {
        world = World(seed: seed, story: Story(seed: seed, isDouble: isDouble), permitted: permitted)
        let world = world
        world.scheduler.run(until: { world.violation != nil }) { await Self.play(world, seed: seed) }
        for pipeline in world.running where world.violation == nil { world.watcher(pipeline.lane).finish() }
    }

    private static func play(_ world: World, seed: UInt64) async {
        let crew = LockedValue([Lane: [Life]]())
        let ended = LockedValue([Lane: Int]())
        let isOver = LockedValue(false)
        await withDiscardingTaskGroup { group in
            group.addTask { await changeBucket(world) }
            let kinds =
                Array(repeating: "ingest", count: world.story.ingestWorkers)
                + Array(repeating: "embed", count: world.story.embedWorkers)
            let starts = LockedValue<[Lane]>([.first])
            let begin = Latch()
            for lane in Lane.allCases where lane == .first || world.story.plan != nil {
                for (number, kind) in kinds.enumerated() {
                    group.addTask {
                        if lane == .second { try? await begin.wait() }
                        guard starts.withLock({ $0.contains(lane) }) else { return }
                        await keepRunning(kind, number, lane, world, seed, crew) {
                            isOver.withLock { $0 } || world.pipeline(lane).isRetired
                        }
                        ended.withLock { $0[lane, default: 0] += 1 }
                    }
                }
            }
            group.addTask {
                if let plan = world.story.plan {
                    let playing = SimulatedOperator(
                        world: world,
                        plan: plan,
                        start: { lane in
                            starts.withLock { $0.append(lane) }
                            begin.open()
                        },
                        stop: { lane in
                            // What is cut off by the end of the grace period may be paid for again.
                            for life in crew.withLock({ $0[lane] ?? [] }) {
                                world.watcher(lane).interrupted(life.process)
                                life.shutdown.enter(.stopping)
                            }
                            while ended.withLock({ $0[lane] ?? 0 }) < kinds.count {
                                try? await world.scheduler.clock.sleep(for: .seconds(1))
                            }
                        }
                    )
                    await withDiscardingTaskGroup { operators in
                        operators.addTask { await playing.read() }
                        await playing.run()
                    }
                }
                await untilQuiet(world)
                isOver.withLock { $0 = true }
                begin.open()
                for life in crew.withLock({ $0.values.flatMap(\.self) }) { life.shutdown.enter(.stopping) }
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
            for pipeline in world.pipelines where pipeline.isSubscribed {
                add(step.key, to: pipeline, world)
            }
        }
    }

    private static func add(_ key: String, to pipeline: SimulatedPipeline, _ world: World) {
        for _ in 0..<(world.strikes(.duplicated) ? 2 : 1) {
            let late = world.faults.chance(0.3) ? world.faults.draw(0...30_000) : world.faults.draw(0...1000)
            let body = ObjectChange.hint(for: ObjectReference(bucket: World.documents, key: key))
            let visibleAt = world.uptime + .milliseconds(late)
            pipeline.events.add(body, document: key, now: world.now, visibleAt: visibleAt)
        }
    }

    /// Whoever dies or is stopped is started again.
    private static func keepRunning(
        _ kind: String,
        _ number: Int,
        _ lane: Lane,
        _ world: World,
        _ seed: UInt64,
        _ crew: LockedValue<[Lane: [Life]]>,
        until isOver: () -> Bool
    ) async {
        var life = 0
        while !isOver() {
            life += 1
            let name = lane == .first ? "\(kind)\(number).\(life)" : "second \(kind)\(number).\(life)"
            let process = SimulatedProcess(name, world, lane)
            let shutdown = Shutdown()
            crew.withLock { $0[lane, default: []].append(Life(process: process, shutdown: shutdown)) }
            let fleet = SimulatedFleet(process, shutdown, seed: seed &+ UInt64(number * 1000 + life))
            let ended = Latch()
            Task {
                if kind == "ingest" { await fleet.runIngest() } else { await fleet.runEmbed() }
                ended.open()
            }
            await watch(
                process,
                shutdown,
                ended,
                world.pipeline(lane).queue(kind == "ingest" ? "events" : "chunks"),
                world
            )
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
                world.watcher(process.lane).interrupted(process)
                shutdown.enter(.stopping)
            }
            if stopping == nil, shutdown.isStopping { stopping = world.uptime }
            let hasEnded = (try? await finished(ended, within: .seconds(5), clock)) ?? false
            guard hasEnded else { continue }
            let allowed = SimulatedFleet.grace + .seconds(50)
            let took = world.uptime - (stopping ?? world.uptime)
            return world.watcher(process.lane).stopped(process, queue, took: took, allowed: allowed)
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
            world.story.hints.map(\.at).max() ?? .zero,
            world.story.plan?.end ?? .zero
        )
        while world.uptime < latest {
            try? await clock.sleep(for: .seconds(2))
            let hasStruck = world.story.intensity.isEmpty || world.uptime >= Story.faultsEnd
            if hasStruck, world.uptime > lastChange, world.running.allSatisfy(\.isQuiet) {
                return
            }
        }
    }
}
