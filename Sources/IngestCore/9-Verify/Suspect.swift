/// A key whose stores differ, which is looked at again before that is reported.
struct Suspect: Sendable {
    var object: ObjectReference
    /// What differs, and of which versions: while this changes, the fleet is at work.
    var signature: String
    var due: Duration
    var looks: Int

    /// A document that is changed all the time is reported after so many looks.
    static let maximumLooks = 10

    /// - Parameter time: of the look, by `TimeSource.uptime`.
    init(_ state: KeyState, _ found: [Difference], at time: Duration, looks: Int = 0) {
        object = state.object
        let versions = state.records.map {
            "\($0.newest)/\($0.live?.generation ?? 0)/\($0.pending?.generation ?? 0)/\($0.rejected.count)/\($0.retired.count)"
        }
        signature =
            ([state.listed?.etag ?? "-"] + found.map { $0.kind.rawValue + $0.detail } + versions).joined(separator: " ")
        due = time
        self.looks = looks
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
