import AsyncPrimitives
import Foundation
import HTTPTransport
import IngestCore
import IngestTestKit
import Observability
import Testing

@Suite struct ScaleInProtectionTests {
    let time = VirtualTime()
    private let asked = LockedValue([(at: Duration, isProtected: Bool)]())

    private func protection(
        _ log: CollectingLog = CollectingLog(),
        _ answer: @escaping @Sendable (Int) throws -> HTTPResponse
    ) throws -> ScaleInProtection {
        let (time, asked) = (time, asked)
        let http = ScriptedHTTPClient { request, number in
            #expect(request.method == "PUT" && request.path == "/api/x/task-protection/v1/state")
            let body = String(decoding: request.body, as: UTF8.self)
            #expect(
                body == #"{"ProtectionEnabled":true,"ExpiresInMinutes":15}"# || body == #"{"ProtectionEnabled":false}"#
            )
            asked.withLock { $0.append((time.uptime, body.contains("true"))) }
            return try answer(number)
        }
        return ScaleInProtection(
            agent: try #require(Endpoint("http://169.254.170.2/api/x")),
            http: http,
            time: time,
            log: Log(label: "t", level: .debug, sink: log, time: time)
        )
    }

    private static let granted = HTTPResponse(
        status: 200,
        body: Array(#"{"protection":{"ProtectionEnabled":true,"TaskArn":"arn"}}"#.utf8)
    )

    private func run(_ protection: ScaleInProtection, _ body: @escaping @Sendable () async throws -> Void) async throws
    {
        try await time.flowing {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await protection.run() }
                try await body()
                group.cancelAll()
            }
            await protection.release()
        }
    }

    @Test func workIsProtectedRenewedAndReleased() async throws {
        let protection = try protection { _ in Self.granted }
        try await run(protection) {
            try await time.sleep(for: .seconds(5))
            protection.update(inFlight: 1)
            try await time.sleep(for: .seconds(1000))  // renewed twice
            protection.update(inFlight: 0)
            try await time.sleep(for: .seconds(3))
            protection.update(inFlight: 2)  // hardly idle: nothing to say
            try await time.sleep(for: .seconds(3))
            protection.update(inFlight: 0)
            try await time.sleep(for: .seconds(60))
        }
        let seen = asked.withLock { $0 }
        #expect(seen.map(\.isProtected) == [true, true, true, false])
        #expect(seen.map(\.at.seconds) == [5, 455, 905, 1021])
    }

    @Test func whatIsProtectedAtTheEndIsReleased() async throws {
        let protection = try protection { _ in Self.granted }
        try await run(protection) {
            protection.update(inFlight: 1)
            try await time.sleep(for: .seconds(2))
        }
        #expect(asked.withLock { $0.map(\.isProtected) } == [true, false])
    }

    @Test func aRefusalIsSaidOnceAndTriedAgain() async throws {
        let log = CollectingLog()
        let protection = try protection(log) { number in
            if number == 1 { throw HTTPError(.unreachable, "connection refused") }
            if number > 3 { return Self.granted }
            return HTTPResponse(status: 200, body: Array(#"{"failure":{"Reason":"TASK_NOT_VALID"}}"#.utf8))
        }
        try await run(protection) {
            protection.update(inFlight: 1)
            try await time.sleep(for: .seconds(200))
        }
        #expect(asked.withLock { $0.map(\.isProtected) } == [true, true, true, true, false])
        #expect(log.lines.count == 1 && log.lines[0].level == .warning)
    }
}
