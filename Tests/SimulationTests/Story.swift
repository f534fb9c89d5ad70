import AsyncPrimitives
import IngestCore

/// What happens to the bucket in one run, and with how many workers: all of it follows from the seed.
struct Story: Sendable {
    struct Change: Sendable {
        var at: Duration
        var key: String
        /// Nil deletes the object.
        var content: ObjectContent?
    }

    var documents: Int
    var changes: [Change] = []
    /// Events without a change: a replay.
    var hints: [(at: Duration, key: String)] = []
    var ingestWorkers: Int
    var embedWorkers: Int
    var concurrency: Int
    var inlineBytes: Int
    /// Chunks that are embedded before they are written.
    var window = 1
    var removesRejected: Bool
    var intensity: [Fault: Double] = [:]
    /// How long half a slow call may take.
    var slowest = Duration.seconds(6)
    /// A second pipeline beside the first.
    var plan: PipelinePlan?

    /// Faults strike until then; afterwards everything has to come to an end.
    static let faultsEnd = Duration.seconds(75)

    /// - Parameter isDouble: with a second pipeline.
    init(seed: UInt64, isDouble: Bool = false) {
        var random = SplitMix(state: seed &* 0x9e37_79b9 &+ 1)
        // Some runs crowd everything onto one document.
        let isCrowded = random.chance(0.3)
        documents = isCrowded ? 1 : random.draw(1...3)
        ingestWorkers = isCrowded ? 2 : random.draw(1...2)
        embedWorkers = isCrowded ? 2 : random.draw(1...2)
        concurrency = random.draw(1...3)
        window = random.draw(1...3)
        inlineBytes = random.chance(0.5) ? 1 : 100_000
        removesRejected = random.chance(0.2)
        var contents: [String: [ObjectContent]] = [:]
        let span = isCrowded ? random.draw(1...6) : random.draw(1...30)
        for number in 1...random.draw(1...7) {
            let key = "doc\(random.draw(1...documents))"
            let past = contents[key] ?? []
            let kind = random.unit()
            var content: ObjectContent?
            if kind < 0.15, let old = past.randomElement(using: &random) {
                content = old
            } else if kind < 0.8 {
                content = ObjectContent(key: key, number: number, after: past.last, &random)
            }
            if let content { contents[key, default: []].append(content) }
            changes.append(Change(at: .milliseconds(random.draw(0...span * 1000)), key: key, content: content))
        }
        changes.sort { $0.at < $1.at }
        for _ in 0..<random.draw(0...2) {
            hints.append((.milliseconds(random.draw(0...50_000)), "doc\(random.draw(1...documents))"))
        }
        // Some runs see one kind of trouble often, others all of them now and then.
        let rates: [Fault: Double] = [
            .refused: 0.05, .answerLost: 0.05, .slow: 0.1, .throttled: 0.05, .serverError: 0.05, .itemFailed: 0.2,
            .duplicated: 0.1, .truncated: 0.1, .expired: 0.01, .crash: 0.006, .stop: 0.06, .handoffLost: 0.05,
            .leaseLost: 0.05, .blocked: 0.05, .foreign: 0.05, .unusable: 0.1,
        ]
        for fault in Fault.allCases where random.chance(0.4) {
            intensity[fault] = rates[fault]! * [0.3, 1, 2].randomElement(using: &random)!
        }
        if isCrowded {
            intensity[.duplicated] = 0.4
            intensity[.slow] = 0.3
        } else if random.chance(0.1) {
            // Nothing goes wrong, but all takes long: leases have to last.
            intensity = [.slow: 0.6]
            slowest = .milliseconds(2500)
        } else if random.chance(0.1) {
            // Long pauses, in which messages are lost.
            intensity = [.blocked: 0.6, .leaseLost: 0.5]
        }
        if isDouble { plan = PipelinePlan(&random) }
    }
}

/// A version of an object: paragraphs, each of which becomes a chunk.
struct ObjectContent: Equatable, Sendable {
    enum Kind: Equatable, Sendable {
        case readable
        /// The extractor rejects it.
        case malformed
        /// The index refuses one of its chunks.
        case refused
        /// The provider refuses one of its texts.
        case unembeddable
    }

    static let refusedMark = "§"
    static let unembeddableMark = "¶"

    var kind: Kind
    var paragraphs: [String]

    init(key: String, number: Int, after last: ObjectContent?, _ random: inout SplitMix) {
        let draw = random.unit()
        kind = draw < 0.1 ? .malformed : draw < 0.16 ? .refused : draw < 0.21 ? .unembeddable : .readable
        paragraphs = (0..<random.draw(1...4)).map { place in
            // Part of the text stays what it was, so that vectors can be taken over.
            if let last, place < last.paragraphs.count, random.chance(0.5) {
                return last.paragraphs[place].replacing(Self.refusedMark, with: "")
                    .replacing(Self.unembeddableMark, with: "")
            }
            return "\(key) has in version \(number) at place \(place) these words of its own."
        }
        if kind == .refused { paragraphs[paragraphs.count - 1] += Self.refusedMark }
        if kind == .unembeddable { paragraphs[paragraphs.count - 1] += Self.unembeddableMark }
    }

    var bytes: [UInt8] {
        Array(((kind == .malformed ? "!" : "") + paragraphs.joined(separator: "\n\n")).utf8)
    }
}
