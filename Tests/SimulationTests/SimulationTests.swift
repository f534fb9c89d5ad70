import AsyncPrimitives
import Foundation
import IngestCore
import Testing

/// The real loops and pipelines of both workers, on simulated servers that do what servers do on bad days.
///
/// `make simulate` runs many seeds, in processes of their own: SIMULATE_FROM and SIMULATE_SEEDS choose them, SIMULATE_REPORT names the file
/// for the figures. A seed repeats exactly with SWIFT_DETERMINISTIC_HASHING=1.
@Suite(.serialized) struct SimulationTests {
    private static func setting(_ name: String) -> UInt64? {
        ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
    }

    /// On a thread of its own: the scheduler takes all that is started there.
    private static func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DetachedThread.start { continuation.resume(returning: body()) }
        }
    }

    private struct Report: Codable {
        var seeds = 0
        var switches = 0
        var calls = 0
        var crashes = 0
        var virtualSeconds = 0
        var faults: [String: Int] = [:]
        var failedSeed: UInt64?
        var invariant: String?
        var problem: String?
    }

    @Test func nothingIsLostDoubledOrStale() async throws { try await explore(isDouble: false) }

    /// A second pipeline is built beside the first, read, left and retired while the bucket changes.
    @Test func twoPipelinesFollowOneBucket() async throws { try await explore(isDouble: true) }

    private func explore(isDouble: Bool) async throws {
        let first = Self.setting("SIMULATE_FROM") ?? 0
        let count = Self.setting("SIMULATE_SEEDS") ?? 100
        let report = await Self.onThread {
            var report = Report()
            for seed in first..<first + count {
                let run = SimulatedRun(seed: seed, isDouble: isDouble)
                report.seeds += 1
                report.switches += run.world.scheduler.switches
                report.calls += run.world.calls
                report.crashes += run.world.crashes
                report.virtualSeconds += Int(run.world.uptime.seconds)
                for (_, fault) in run.world.faults.fired { report.faults[fault.rawValue, default: 0] += 1 }
                guard let violation = run.world.violation else { continue }
                report.failedSeed = seed
                report.invariant = violation.invariant.rawValue
                report.problem = violation.text
                if ProcessInfo.processInfo.environment["SIMULATE_QUIET"] != nil { break }
                let minimal = Shrinking.minimal(seed: seed, isDouble: isDouble, of: violation)
                let shown = Shrinking.trace(minimal).suffix(400).joined(separator: "\n  ")
                print("seed \(seed), with \(minimal.world.faults.fired.count) faults:\n  \(shown)")
                break
            }
            return report
        }
        if let path = ProcessInfo.processInfo.environment["SIMULATE_REPORT"] {
            try JSONEncoder().encode(report).write(to: URL(fileURLWithPath: path))
        }
        #expect(report.failedSeed == nil, "\(report.invariant ?? ""): \(report.problem ?? "")")
    }

    @Test func aSeedRepeatsExactly() async throws {
        for seed: UInt64 in 0..<10 {
            let (first, second) = await Self.onThread { (SimulatedRun(seed: seed), SimulatedRun(seed: seed)) }
            #expect(first.world.scheduler.fingerprint == second.world.scheduler.fingerprint)
            #expect(first.world.trace.map(\.line) == second.world.trace.map(\.line))
        }
    }
}
