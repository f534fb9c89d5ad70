import AsyncPrimitives
import HTTPTransport

/// The difference between servers' clocks and this machine's, learned from `Date` headers (smithy-rs#4800: server date less the middle of
/// the exchange; a response with `Age` is from a cache and says nothing).
package final class ServerClock: Sendable {
    /// Smaller differences cause no rejection (SQS and S3 allow 5 to 15 minutes).
    package static let tolerance = Duration.seconds(240)

    private let offsets = LockedValue([String: Duration]())

    package init() {}

    package func offset(_ origin: String) -> Duration { offsets.withLock { $0[origin] ?? .zero } }

    /// Learns from a response. True when what was signed with the offset before was wrong by more than the tolerance.
    package func learn(_ headers: HTTPHeaders, from origin: String, sent: Timestamp, received: Timestamp) -> Bool {
        guard headers["age"] == nil, let date = headers["date"].flatMap(Timestamp.init(httpDate:)) else { return false }
        let middle = Timestamp(milliseconds: (sent.milliseconds + received.milliseconds) / 2)
        let offset = date.duration(since: middle)
        return offsets.withLock { offsets in
            let before = offsets[origin] ?? .zero
            guard abs(offset - before) > Self.tolerance else { return false }
            offsets[origin] = offset
            return true
        }
    }
}

private func abs(_ duration: Duration) -> Duration { duration < .zero ? .zero - duration : duration }
