/// How urgent a document's work is.
package enum Lane: String, Sendable, Codable, Comparable, CaseIterable {
    /// An upload, a change or a deletion.
    case live
    /// Of a replay: embedded when nothing of an upload waits.
    case replay
    /// Of a replay that may take a day and costs half: embedded through the provider's batch API.
    case batch

    /// What is more urgent comes first.
    package static func < (left: Lane, right: Lane) -> Bool { left.rank < right.rank }

    package var rank: Int {
        switch self {
        case .live: 0
        case .replay: 1
        case .batch: 2
        }
    }
}
