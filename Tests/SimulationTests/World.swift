import AsyncPrimitives
import HTTPTransport
import IngestCore

/// Everything outside the workers: servers, clock, faults, and the checks of every step. Unchecked: one thread.
final class World: @unchecked Sendable {
    let scheduler: Scheduler
    let story: Story
    var faults: FaultPlan
    private(set) var trace: [(document: String, line: String)] = []
    private(set) var violation: Violation?
    var crashes = 0
    private(set) var calls = 0

    /// By `Lane.rawValue`.
    let pipelines = Lane.allCases.map(SimulatedPipeline.init)
    /// What readers see.
    var alias = Lane.first
    let bucket = SimulatedBucket()
    let index = SimulatedIndex()
    let provider = SimulatedProvider()
    let tokens = SimulatedTokens()
    private lazy var watchers = Lane.allCases.map { Watcher(self, $0) }

    static let start = Timestamp(milliseconds: 1_700_000_000_000)
    static let documents = "docs"
    static let handoffs = "hand"
    static let visibility = Duration.seconds(30)

    init(seed: UInt64, story: Story, permitted: Set<Int>? = nil) {
        scheduler = Scheduler(seed: seed)
        self.story = story
        faults = FaultPlan(seed: seed ^ 0x5555_5555, intensity: story.intensity, permitted: permitted)
    }

    var now: Timestamp { Self.start.advanced(by: scheduler.clock.now) }
    var uptime: Duration { scheduler.clock.now }

    func strikes(_ fault: Fault) -> Bool {
        guard uptime < Story.faultsEnd else { return false }
        return faults.strikes(fault)
    }

    func delay() -> Duration {
        if strikes(.slow) { return .milliseconds(faults.draw(500...Int(story.slowest.milliseconds))) }
        return .milliseconds(faults.draw(1...60))
    }

    func note(_ who: String, _ what: String, _ document: String) {
        trace.append((document, "\(Double(uptime.milliseconds) / 1000) s  \(who)  \(what)"))
    }

    func violate(_ invariant: Invariant, _ text: String, _ document: String) {
        guard violation == nil else { return }
        violation = Violation(invariant: invariant, text: text, document: document)
        note("VIOLATION", "\(invariant.rawValue): \(text)", document)
    }

    /// A server's answer; its effect happens in here, at once or not at all.
    func serve(_ request: HTTPRequest, _ process: SimulatedProcess, _ what: String) async throws -> HTTPResponse {
        calls += 1
        let host = request.endpoint.host
        if host != "keys", strikes(.serverError) {
            process.metFault = true
            note(process.name, "\(what): 503", "")
            return HTTPResponse(status: 503, body: Array("{}".utf8))
        }
        if host != "keys", strikes(.foreign) {
            process.metFault = true
            let status = [200, 302, 400, 403, 404, 405, 421, 502, 503][faults.draw(0...8)]
            note(process.name, "\(what): a proxy's page, status \(status)", "")
            let headers = HTTPHeaders([("content-type", "text/html"), ("location", "https://login/")])
            return HTTPResponse(status: status, headers: headers, body: Array("<html>elsewhere</html>".utf8))
        }
        if host != "keys", strikes(.throttled) {
            process.metFault = true
            note(process.name, "\(what): throttled", "")
            return throttled(host)
        }
        if host == "search" || host == "provider", strikes(.blocked) {
            process.metFault = true
            note(process.name, "\(what): blocked", "")
            return blocked(host)
        }
        if host == "sqs" || host == "s3" {
            if strikes(.expired) { tokens.expireAll() }
            if let refusal = tokens.refusal(of: request) {
                process.metFault = true
                return refusal
            }
        }
        switch host {
        case "keys": return tokens.issue(at: now)
        case "sqs": return try await SimulatedSQS(world: self, process: process).answer(request)
        case "s3": return bucket.answer(request, process, self)
        case "search": return index.answer(request, process, self)
        default: return provider.answer(request, process, self)
        }
    }

    private func throttled(_ host: String) -> HTTPResponse {
        switch host {
        case "sqs":
            HTTPResponse(status: 400, body: Array(#"{"__type":"com.amazonaws.sqs#ThrottlingException"}"#.utf8))
        case "s3": HTTPResponse(status: 503, body: Array("<Error><Code>SlowDown</Code></Error>".utf8))
        default:
            HTTPResponse(
                status: 429,
                headers: HTTPHeaders([("retry-after", "1")]),
                body: Array(#"{"error":{"type":"es_rejected_execution_exception","message":"slow down"}}"#.utf8)
            )
        }
    }

    private func blocked(_ host: String) -> HTTPResponse {
        host == "search"
            ? HTTPResponse(status: 403, body: Array(#"{"error":{"type":"cluster_block_exception"}}"#.utf8))
            : HTTPResponse(status: 429, body: Array(#"{"error":{"code":"insufficient_quota"}}"#.utf8))
    }

    /// How a call reads in a trace.
    func name(of request: HTTPRequest) -> String {
        if let target = request.headers.first(where: { $0.name == "x-amz-target" })?.value {
            return String(target.split(separator: ".").last ?? "")
        }
        return "\(request.method) \(request.endpoint.host)\(request.path)"
    }

    /// `http://sqs/<lane>/<name>`.
    func queue(_ url: String) -> SimulatedQueue {
        let parts = url.split(separator: "/")
        let lane = Lane(rawValue: Int(parts[parts.count - 2]) ?? 0) ?? .first
        return pipeline(lane).queue(String(parts[parts.count - 1]))
    }

    func pipeline(_ lane: Lane) -> SimulatedPipeline { pipelines[lane.rawValue] }

    /// The keys of the story.
    var documents: [String] { (1...story.documents).map { "doc\($0)" } }

    func watcher(_ lane: Lane) -> Watcher { watchers[lane.rawValue] }

    /// Pipelines that have to agree with the bucket.
    var running: [SimulatedPipeline] { pipelines.filter { $0.isRunning && !$0.isRetired } }

    // What the checks are notified of.

    func crashed(_ process: SimulatedProcess) { watcher(process.lane).interrupted(process) }
    func answerLost(_ request: HTTPRequest, _ process: SimulatedProcess) { watcher(process.lane).answerLost(request) }
}
