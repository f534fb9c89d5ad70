import CPlatform
import ExtractionWire
import Glibc
import Observability
import Resilience

/// One running `document-extractor`. Owns the process, its socket and the end of its standard error; used by one thread.
final class ExtractorProcess {
    struct Settings: Sendable {
        var path: String
        var arguments: [String] = []
        var memoryBytes: Int
        var isSandboxed: Bool
    }

    /// How a process ended.
    enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)

        /// What a code of its own says that a program ends with before it reads anything.
        func startFailure(_ settings: Settings) -> Failure? {
            switch self {
            case .exited(70):
                .fleet(
                    "\(settings.path) cannot enter its sandbox: the kernel or container forbids seccomp (--unsafe-no-sandbox runs without)"
                )
            case .exited(66):
                .fleet(
                    "a model of OCR_LANGUAGES (\(settings.arguments.last ?? "")) is not installed: Debian's packages are tesseract-ocr-eng, tesseract-ocr-deu, …"
                )
            default: nil
            }
        }
    }

    private let channel: FrameChannel
    private let errors: Int32
    let pid: pid_t
    private(set) var documents = 0
    private static let maximumReply = 512 << 20
    /// Files that one document may need: character maps and fonts.
    private static let maximumFiles = 10_000
    /// How long a process may take to end once its socket is closed.
    private static let grace = Duration.seconds(2)

    init(_ settings: Settings) throws(Failure) {
        var sockets: [Int32] = [-1, -1]
        var pipe: [Int32] = [-1, -1]
        guard platform_socketpair(&sockets) == 0, platform_pipe(&pipe) == 0 else {
            throw .transient("no socket for document-extractor: \(String(cString: strerror(errno)))")
        }
        var arguments = [settings.path, "--memory-bytes", String(settings.memoryBytes)] + settings.arguments
        if !settings.isSandboxed { arguments.append("--no-sandbox") }
        // An empty environment: neither keys nor the address of the credentials endpoint reach the child.
        // The backtracer would start a process of its own at a crash, Tesseract's OpenMP threads that the sandbox refuses.
        var pid = pid_t()
        let code = Self.withCStrings(arguments) { argv in
            Self.withCStrings(["SWIFT_BACKTRACE=enable=no", "OMP_THREAD_LIMIT=1"]) {
                platform_spawn(settings.path, argv, $0, sockets[1], pipe[1], &pid)
            }
        }
        close(sockets[1])
        close(pipe[1])
        // A child that reads nothing does not hold up its lane.
        platform_limit_socket(sockets[0], 5)
        channel = FrameChannel(descriptor: sockets[0], maximumLength: Self.maximumReply)
        errors = pipe[0]
        self.pid = pid
        guard code == 0 else {
            throw .fleet("\(settings.path) cannot be started: \(String(cString: strerror(-code))) (EXTRACTOR_PATH)")
        }
    }

    deinit {
        close(channel.descriptor)
        close(errors)
    }

    /// Sends a request and waits for its reply; nil where what comes is no reply to it.
    func send(
        _ request: ExtractionRequest,
        with file: Int32?,
        deadline: ContinuousClock.Instant
    ) throws(FrameChannel.Failure) -> ExtractionReply? {
        let number = ExchangeNumber()
        var frame = request.encoded
        number.append(to: &frame)
        try channel.send(frame, with: file)
        documents += 1
        var files = 0
        while true {
            var (body, attached) = try channel.receive(deadline: deadline)
            if let attached { close(attached) }
            guard body.first == SharedFile.request else {
                return ExchangeNumber(removingFrom: &body) == number ? try? ExtractionReply(decoding: body) : nil
            }
            files += 1
            guard files <= Self.maximumFiles else { throw .tooLong(files) }
            try SharedFile.answer(body, on: channel)
        }
    }

    /// What the process has written to its standard error since the last call; at most 64 KB, never logged: documents may steer it.
    func takeErrors() -> String {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = read(errors, &buffer, buffer.count)
        return count > 0 ? String(decoding: buffer[..<count], as: UTF8.self) : ""
    }

    /// It has sent something since its last reply, or has closed its socket.
    var hasUnreadBytes: Bool {
        var entry = pollfd(fd: channel.descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, 0) != 0
    }

    /// Resident memory in bytes.
    var residentBytes: Int { ProcessReadings.residentBytes(of: "\(pid)") }

    /// Ends the process, or kills it where it does not end by itself, which closes the socket's other side, and returns how it ended.
    func end(killing: Bool) -> End {
        if killing { kill(pid, SIGKILL) }
        shutdown(channel.descriptor, Int32(SHUT_RDWR))
        var status: Int32 = 0
        let deadline = ContinuousClock.now + Self.grace
        while true {
            let ended = waitpid(pid, &status, WNOHANG)
            if ended == pid || (ended < 0 && errno != EINTR) { break }
            // It closed its socket and lives on: nothing says when it would end.
            if ContinuousClock.now > deadline { kill(pid, SIGKILL) }
            usleep(1000)
        }
        let signal = status & 0x7F
        return signal == 0 ? .exited(status >> 8 & 0xFF) : .signalled(signal)
    }

    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers: [UnsafeMutablePointer<CChar>?] = strings.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}
