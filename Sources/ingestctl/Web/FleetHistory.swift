import AsyncPrimitives
import IngestCore
import Resilience

/// The fleet's last hour, a sample every ten seconds, kept while `serve` runs.
final class FleetHistory: Sendable {
    private struct State {
        var samples: [FleetSample] = []
        var problem: String?
    }

    private let state = LockedValue(State())
    private static let capacity = 360
    private static let interval = Duration.seconds(10)

    var all: (samples: [FleetSample], problem: String?) { state.withLock { ($0.samples, $0.problem) } }

    /// Until it is cancelled.
    func run(_ pipeline: PipelineRecord, _ context: CommandContext) async {
        while !Task.isCancelled {
            do {
                let sample = try await FleetSample.read(pipeline, context)
                state.withLock { state in
                    state.samples.append(sample)
                    state.samples.removeFirst(max(0, state.samples.count - Self.capacity))
                    state.problem = nil
                }
            } catch {
                state.withLock { $0.problem = Failure(error).summary }
            }
            try? await context.services.time.sleep(for: Self.interval)
        }
    }
}
