import AsyncPrimitives
import IngestCore

/// What an operator does to build a second pipeline beside the first, and when: all of it follows from the seed.
struct PipelinePlan: Sendable {
    /// The second event queue is subscribed: later than some changes.
    var subscribe: Duration
    /// Its workers are started, and then the bucket is replayed.
    var start: Duration
    var replay: Duration
    /// Readers are switched to the second pipeline, back, and to the second again.
    var switches: [Duration]
    /// The one that is not read is retired.
    var retire: Duration?
    /// Mistakes that the programs refuse.
    var triesFirstQueues: Bool
    var triesToRetireTheRead: Bool

    init(_ random: inout SplitMix) {
        subscribe = .milliseconds(random.draw(0...25_000))
        start = subscribe + .milliseconds(random.draw(0...5000))
        replay = subscribe + .milliseconds(random.draw(0...15_000))
        var at = max(start, replay)
        switches = (0..<random.draw(1...3)).map { _ in
            at += .milliseconds(random.draw(1000...25_000))
            return at
        }
        retire = random.chance(0.5) ? at + .milliseconds(random.draw(1000...20_000)) : nil
        triesFirstQueues = random.chance(0.3)
        triesToRetireTheRead = random.chance(0.3)
    }

    var end: Duration { retire ?? switches.last ?? replay }
}
