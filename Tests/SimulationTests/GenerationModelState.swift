/// What the model explores within, and what a state of it is.
extension GenerationModel {
    struct Bounds: Sendable {
        var ingest = 1
        var embed = 1
        var changes: [UInt8] = [1, 2, 1]
        var crashes: UInt8 = 0
        var duplicates: UInt8 = 0
        var rejects: UInt8 = 0
        var losses: UInt8 = 0
        /// An operator's: each looks at the index, writes what it saw into the record, and sends an event that makes a new generation.
        var repairs: UInt8 = 0
    }

    enum Step: UInt8 {
        case idle
        // ingest-worker
        case read, get, touch, refuse, reserve, send, mark, acknowledge
        // embed-worker
        case check, create, commit, reject, clean, erase, forget, remove, removal, report, drop, finished
    }

    struct Worker: Hashable {
        var step = Step.idle
        var generation: UInt8 = 0
        var content: UInt8 = 0
        /// The next chunk, or whether this is the first delivery; of ingest-worker, whether its event is a repair's.
        var extra: UInt8 = 0
        /// What it read.
        var record: Int32 = 0
        var version: UInt16 = 0

        var order: UInt64 {
            UInt64(step.rawValue) << 56 | UInt64(generation) << 48 | UInt64(content) << 40 | UInt64(extra) << 32
                | UInt64(UInt16(truncatingIfNeeded: record)) << 16 | UInt64(version)
        }
    }

    struct Message: Hashable {
        var generation: UInt8
        var content: UInt8
        var isFirst: Bool
    }

    struct State: Hashable {
        var bucket: UInt8 = 0
        var changed: UInt8 = 0
        var events: UInt8 = 0
        var messages: [Message] = []
        var record: Int32 = 0
        var version: UInt16 = 0
        /// A bit for each chunk: generation × 4 + number.
        var index: UInt64 = 0
        /// Generations whose hand-over object is gone.
        var gone: UInt32 = 0
        var ingest: [Worker]
        var embed: [Worker]
        var crashes: UInt8
        var duplicates: UInt8
        var rejects: UInt8
        var losses: UInt8
        var repairs: UInt8
        /// Events of repairs.
        var rebuilds: UInt8 = 0
        /// The index as the operator saw it; nil while no repair is on its way.
        var seenIndex: UInt64?
    }
}
