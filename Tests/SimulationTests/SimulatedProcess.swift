import AsyncPrimitives
import HTTPTransport
import IngestCore

/// One worker's way to the outside: a network with faults, and a clock. Once the process has crashed, no call of it returns or has an effect.
///
/// Unchecked: one thread.
final class SimulatedProcess: HTTPClient, TimeSource, @unchecked Sendable {
    let name: String
    let world: World
    let lane: Lane
    private(set) var isAlive = true
    /// It crashed, or a call of it went wrong, so that what it was about to do may be half done.
    var hadTrouble = false
    /// A call of it met a fault.
    var metFault = false
    /// Jobs in flight.
    var jobs = 0
    /// Of the messages in flight.
    var receipts: Set<String> = []
    private var parked: [UnsafeContinuation<Void, Never>] = []

    init(_ name: String, _ world: World, _ lane: Lane) {
        self.name = name
        self.world = world
        self.lane = lane
    }

    var now: Timestamp { world.now }
    var uptime: Duration { world.scheduler.clock.now }

    func sleep(for duration: Duration) async throws {
        try Task.checkCancellation()
        guard duration > .zero else { return }
        try await wait(for: world.scheduler.clock.alarm(after: duration))
    }

    func wait(for alarm: Promise<Void>) async throws {
        do {
            try await alarm.value()
        } catch {
            await parkIfDead()
            throw error
        }
        await parkIfDead()
    }

    func execute(_ request: HTTPRequest) async throws -> HTTPResponse {
        let what = world.name(of: request)
        try await pass(what, world.delay())
        if world.strikes(.refused) {
            trouble(request, what, "refused")
            throw HTTPError(.broken, "the connection broke")
        }
        let response = try await world.serve(request, self, what)
        try await pass(what, world.delay())
        if world.strikes(.answerLost) {
            trouble(request, what, "answer lost")
            world.answerLost(request, self)
            throw HTTPError(.timeout, "no answer")
        }
        try deliver(response, to: request.sink)
        return response
    }

    /// A delay, in which the process may die or the call be cancelled.
    private func pass(_ what: String, _ delay: Duration) async throws {
        if isAlive, world.strikes(.crash) { crash(what) }
        await parkIfDead()
        do {
            try await sleep(for: delay)
        } catch {
            hadTrouble = true
            throw error
        }
    }

    private func crash(_ what: String) {
        isAlive = false
        hadTrouble = true
        world.crashes += 1
        world.note(name, "\(what): CRASH", "")
        world.crashed(self)
    }

    private func parkIfDead() async {
        if !isAlive { await withUnsafeContinuation { parked.append($0) } }
    }

    private func trouble(_ request: HTTPRequest, _ what: String, _ how: String) {
        hadTrouble = true
        metFault = true
        world.note(name, "\(what): \(how)", "")
    }

    private func deliver(_ response: HTTPResponse, to sink: (any BodySink)?) throws {
        guard let sink, response.isSuccess else { return }
        guard sink.begin(response.headers) else { throw HTTPError(.sink, "refused") }
        let isShort = world.strikes(.truncated)
        let bytes = isShort ? Array(response.body.prefix(response.body.count / 2)) : response.body
        guard bytes.withUnsafeBytes({ sink.write($0) }) else { throw HTTPError(.sink, "refused") }
        if isShort { throw HTTPError(.broken, "the body ended early") }
    }
}
