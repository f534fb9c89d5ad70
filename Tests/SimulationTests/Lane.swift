import IngestCore

/// One of the pipelines of a run.
enum Lane: Int, CaseIterable, Sendable {
    case first
    case second

    var names: IndexNames { Self.allNames[rawValue] }

    private static let allNames = allCases.map(names(of:))

    private static func names(of lane: Lane) -> IndexNames {
        let fingerprint = PipelineFingerprint(
            chunking: ChunkingSettings(tokens: 32, overlap: 0),
            tokenizer: "x",
            model: "m",
            dimensions: 4,
            name: lane == .first ? "" : "second"
        )
        return IndexNames(alias: "t", fingerprint: fingerprint)
    }

    var other: Lane { self == .first ? .second : .first }

    init?(index: String) {
        guard let lane = Lane.allCases.first(where: { index.hasPrefix($0.names.chunks) }) else { return nil }
        self = lane
    }
}

/// A pipeline's queues, and what watches over it. Unchecked: one thread.
final class SimulatedPipeline: @unchecked Sendable {
    let lane: Lane
    let events: SimulatedQueue
    let chunks: SimulatedQueue
    let dead: SimulatedQueue
    /// The bucket's events reach its queue.
    var isSubscribed: Bool
    /// Its workers run, or are started again.
    var isRunning: Bool
    var isRetired = false
    /// A mistake: its workers were started with the first pipeline's queues.
    var usesFirstQueues = false

    init(_ lane: Lane) {
        self.lane = lane
        events = SimulatedQueue("events", lane)
        chunks = SimulatedQueue("chunks", lane)
        dead = SimulatedQueue("dead", lane)
        isSubscribed = lane == .first
        isRunning = lane == .first
    }

    func queue(_ name: String) -> SimulatedQueue { name == "events" ? events : name == "chunks" ? chunks : dead }

    var isQuiet: Bool { events.messages.isEmpty && chunks.messages.isEmpty }
}
