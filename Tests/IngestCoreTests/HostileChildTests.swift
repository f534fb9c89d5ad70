import AsyncPrimitives
import ExtractionWire
import Foundation
import IngestCore
import IngestTestKit
import Resilience
import Testing

/// A child that a document has taken over: whatever it does costs its own document.
@Suite struct HostileChildTests {
    /// A pool over a shell script, whose standard input is the socket.
    private func pool(_ script: String, seconds: Int = 1, time: any TimeSource = SystemTime()) throws -> ExtractorPool {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("child-\(UUID().uuidString).sh").path
        // Written by another process: a child that a parallel test forks meanwhile would have the file open, and it could not be run (ETXTBSY).
        let writer = Process()
        writer.executableURL = URL(fileURLWithPath: "/bin/sh")
        writer.arguments = [
            "-c", #"printf '%s' "$1" >"$2"; chmod 755 "$2""#, "sh", "#!/bin/sh\n\(Self.functions)\n\(script)\n", path,
        ]
        try writer.run()
        writer.waitUntilExit()
        return ExtractorPool(
            ExtractorPool.Settings(
                path: path,
                children: 1,
                memoryBytes: 1 << 30,
                deadline: .seconds(seconds),
                limits: ExtractionLimits(),
                isSandboxed: false
            ),
            time: time
        )
    }

    private func outcome(_ pool: ExtractorPool) async throws -> Failure? {
        let object = StoredObject(file: try TemporaryFile(folder: "/tmp"), bytes: 0, etag: "e")
        do {
            _ = try await pool.extract(object, hints: ExtractionHints(), tenant: "t")
            return nil
        } catch {
            return Failure(error)
        }
    }

    /// Octal bytes of a frame, as `printf` takes them.
    private static func frame(_ body: [UInt8], following: Int = 0) -> String {
        let length = withUnsafeBytes(of: UInt32(body.count + following).littleEndian) { Array($0) }
        return (length + body).map {
            "\\" + String(repeating: "0", count: 3 - String($0, radix: 8).count) + String($0, radix: 8)
        }.joined()
    }

    private static let rejection = ExtractionReply.rejection(Rejection(.malformed, "")).encoded

    /// `receive` takes a request of an empty name, which has 34 bytes, or of another (`receive 30`: of four bytes), into `$request`; `reply` ends what it sends
    /// with the number of the last one.
    private static let functions = """
        receive() { request=$(head -c "${1:-26}" | tr -d '\\000'); head -c 8 >"$0.$$"; }
        reply() { { printf "$1"; cat "$0.$$"; } >&0; }
        """

    /// The command that replies so.
    private static func reply(_ body: [UInt8]) -> String { "reply '\(frame(body, following: 8))'" }

    private func code(_ failure: Failure?) -> RejectionCode? {
        if case .document(let rejection) = failure { rejection.code } else { nil }
    }

    /// By its parent, at once: one that is killed at its deadline would be rejected as a timeout.
    @Test(.tags(.long)) func oneThatClosesItsSocketAndLivesOnIsKilled() async throws {
        let pool = try pool("exec 0<&-; exec sleep 100000", seconds: 3600)
        // Killed twice: that is what a child without memory looks like.
        #expect(code(try await outcome(pool)) == .memory)
        #expect(code(try await outcome(pool)) == .memory)
    }

    /// The next document is another's: it is read by a fresh child, and not rejected as a timeout.
    @Test func oneThatAnswersAndSleepsCostsTheNextDocumentNothing() async throws {
        let pool = try pool("receive; \(Self.reply(Self.rejection)); exec sleep 600", seconds: 8)
        #expect(code(try await outcome(pool)) == .malformed)
        #expect(code(try await outcome(pool)) == .malformed)
    }

    @Test func oneThatIsSilentIsATimeout() async throws {
        #expect(code(try await outcome(try pool("exec sleep 600"))) == .timeout)
    }

    @Test(arguments: [1, 64, 139])
    func anExitCodeIsTheDocuments(_ status: Int) async throws {
        #expect(code(try await outcome(try pool("receive; exit \(status)"))) == .crash)
    }

    /// A child without Landlock requests files from its parent: it gets those below /usr and /lib, and EACCES (13) for every other.
    @Test(arguments: [
        ("/etc/passwd", "010000000d"), ("/usr/../etc/passwd", "010000000d"), ("/proc/self/environ", "010000000d"),
        ("usr/bin", "010000000d"),
        ("", "010000000d"), ("/usr/nothing", "0100000002"), ("/usr/bin/env", "0100000000"),
    ])
    func onlySharedFilesAreOpened(_ path: String, _ answer: String) async throws {
        let script = """
            receive
            printf '\(Self.frame([4] + Array(path.utf8)))' >&0
            answer=$(head -c 5 | od -An -v -tx1 | tr -d ' \\n')
            [ "$answer" = \(answer) ] || exit 1
            \(Self.reply(Self.rejection))
            exec sleep 600
            """
        #expect(code(try await outcome(try pool(script, seconds: 10))) == .malformed)
    }

    @Test func repliesAreBoundedFieldByField() throws {
        var document = ExtractedDocument(format: .text, text: Array("x".utf8), blocks: [])
        document.title = String(repeating: "e\u{301}", count: 700_000)
        document.notes.links = (0..<5000).map { "https://e.example/\($0)" }
        let read = try ExtractionReply(decoding: ExtractionReply.document(document).encoded)
        guard case .document(let found) = read else { return _ = Issue.record("not a document") }
        #expect(
            found.title.utf8.count <= FrameReader.longestString && found.notes.links.count == DocumentNotes.maximumList
        )
        // What a child sends that does not keep to it.
        var frame = FrameWriter()
        frame.byte(1)
        frame.byte(document.format.rawValue)
        frame.integer(3 << 20)
        var bytes = frame.bytes
        bytes += [UInt8](repeating: 0x65, count: 3 << 20)
        #expect(throws: FrameError.self) { try ExtractionReply(decoding: bytes) }
    }

    @Test func theDocumentsFileIsForReadingAlone() throws {
        let file = try TemporaryFile(folder: "/tmp")
        #expect([UInt8]("abc".utf8).withUnsafeBytes { file.write($0) } == 0)
        #expect(fcntl(file.readable, F_GETFL) & O_ACCMODE == O_RDONLY)
        var buffer = [UInt8](repeating: 0, count: 8)
        #expect(pread(file.readable, &buffer, 8, 0) == 3 && pwrite(file.readable, buffer, 1, 0) == -1)
    }

    /// A request of the name "slow" is never answered, any other immediately.
    private static let twoSpeeds = """
        while :; do
            receive 30
            case "$request" in
                *slow*) exec sleep 600 ;;
                "") exit 0 ;;
                *) \(reply(rejection)) ;;
            esac
        done
        """

    private func outcome(_ pool: ExtractorPool, _ name: String, _ tenant: String) async throws -> RejectionCode? {
        let object = StoredObject(file: try TemporaryFile(folder: "/tmp"), bytes: 0, etag: "e")
        do {
            _ = try await pool.extract(object, hints: ExtractionHints(name: name), tenant: tenant)
            return nil
        } catch let rejection as Rejection {
            return rejection.code
        }
    }

    @Test func slowDocumentsOfOneTenantHoldUpNoOther() async throws {
        let pool = try pool(Self.twoSpeeds, seconds: 240)
        let finished = LockedValue(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    _ = try? await outcome(pool, "slow", "a")
                    finished.withLock { $0 += 1 }
                }
            }
            try? await Task.sleep(for: .milliseconds(200))
            for _ in 0..<5 {
                let code = try? await outcome(pool, "fast", "b")
                #expect(code == .malformed)
            }
            #expect(finished.withLock(\.self) == 0, "B's documents came after one of A's, which take 250 s")
            #expect(!pool.isBusy(for: "b"))
            group.cancelAll()
        }
    }

    /// A slow document is begun again behind the quick ones of its tenant.
    @Test(.tags(.long)) func aSlowDocumentLetsQuickOnesPass() async throws {
        // Time stands still for those who look how long they have waited: on a busy machine that is long.
        let pool = try pool(Self.twoSpeeds, seconds: 120, time: VirtualTime())
        try await withThrowingTaskGroup(of: RejectionCode?.self) { group in
            group.addTask { try await outcome(pool, "slow", "a") }
            try await Task.sleep(for: .milliseconds(200))
            group.addTask { try await outcome(pool, "fast", "a") }
            #expect(try await group.next() == .malformed)
            group.cancelAll()
        }
    }

    private static let encrypted = ExtractionReply.rejection(Rejection(.encrypted, "")).encoded

    /// A child that behaves for its first document, and then does `after`; a fresh one answers with `malformed` again.
    private static func turning(_ after: String) -> String {
        "receive; \(reply(rejection)); \(after)"
    }

    /// What it does is not the next document's: that one is read by a fresh child.
    @Test(
        .tags(.long),
        arguments: [
            "\(reply(encrypted)); exec sleep 600", "head -c 34 >/dev/null; \(reply(encrypted)); exec sleep 600",
            "receive; printf '\(frame(encrypted))' >&0; exec sleep 600",
            "sleep 0.05; echo 'Out of memory' >&2; exec sleep 600", "exec 0<&-; exec sleep 600", "exit 9",
            "kill -SEGV $$",
            "kill -KILL $$",
            "receive; exit 7", "receive; kill -SEGV $$", "receive; echo 'Out of memory' >&2; exit 1",
            "receive; printf '\\377\\377\\377\\377' >&0; exec sleep 600",
            "receive; \(reply([9, 9, 9])); exec sleep 600",
        ]
    )
    func whatOneDoesAfterItsReplyCostsTheNextDocumentNothing(_ after: String) async throws {
        let pool = try pool(Self.turning(after), seconds: 20)
        for _ in 0..<2 {
            #expect(code(try await outcome(pool)) == .malformed)
            // What it does happens now, before the next document comes.
            try await Task.sleep(for: .milliseconds(100))
        }
    }
}
