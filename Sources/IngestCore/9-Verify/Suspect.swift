/// A key whose stores differ, which is looked at again before that is reported.
package struct Suspect: Sendable {
    var object: ObjectReference
    /// What differs, and of which versions: while this changes, the fleet is at work.
    var signature: String
    var due: Duration
    var looks: Int
    /// What the bucket held at each look.
    private let contents: Set<Content>

    /// A document that is changed all the time is reported after so many looks.
    static let maximumLooks = 10

    /// - Parameters:
    ///   - time: of the look, by `TimeSource.uptime`.
    ///   - last: the look before.
    package init(_ state: KeyState, _ found: [Difference], at time: Duration, after last: Suspect? = nil) {
        object = state.object
        let versions = state.records.map {
            "\($0.newest)/\($0.live?.generation ?? 0)/\($0.pending?.generation ?? 0)/\($0.rejected.count)/\($0.retired.count)"
        }
        signature =
            ([state.listed?.etag ?? "-"] + found.map { $0.kind.rawValue + $0.detail } + versions).joined(separator: " ")
        due = time
        looks = (last?.looks ?? -1) + 1
        contents = (last?.contents ?? []).union([state.content])
    }

    /// Whether readers see what the bucket held at an earlier look, and only something newer is on its way.
    package func isFollowed(_ state: KeyState, _ found: [Difference]) -> Bool {
        found.allSatisfy { $0.kind == .pending }
            && state.records.allSatisfy { record in
                record.pending == nil || contents.contains(record.live?.content ?? .absent)
            }
    }
}

/// The suspects of a verification in the order of their looks.
struct SuspectLine: Sendable {
    private var waiting: [Suspect] = []
    private let settle: Duration
    private static let capacity = 10_000
    private static let batch = 500

    init(settle: Duration) { self.settle = settle }

    var isEmpty: Bool { waiting.isEmpty }
    var isFull: Bool { waiting.count >= Self.capacity }

    mutating func add(_ suspect: Suspect) {
        var suspect = suspect
        suspect.due += settle
        waiting.append(suspect)
    }

    func hasDue(at time: Duration) -> Bool { waiting.first.map { $0.due <= time } ?? false }

    /// Until the first is due.
    func wait(at time: Duration) -> Duration? { waiting.first.map { $0.due - time } }

    mutating func takeDue(at time: Duration) -> [Suspect] {
        let due = waiting.prefix(Self.batch).prefix { $0.due <= time }
        waiting.removeFirst(due.count)
        return Array(due)
    }
}
