import CPlatform
import CPopplerTuning
import CSandbox
import DocumentExtraction
import ExtractionWire
import Glibc

/// A sandboxed child: reads requests and descriptors from the socket that is its standard input, and replies to each with one frame.
///
/// It ends when the socket closes. Its exit codes report to the parent what went wrong at start (`ExitCode`).
package struct ExtractorProgram {
    /// Codes of sysexits.h, as the parent reads them.
    package enum ExitCode {
        package static let usage: Int32 = 64
        /// A language's model is not installed.
        package static let noModel: Int32 = 66
        package static let noSandbox: Int32 = 70
    }

    private static let maximumRequest = 1 << 20
    private let options: ExtractorOptions
    private let recognizer: (any TextRecognizer)?

    /// Does what needs files, before the sandbox closes.
    package init(_ options: ExtractorOptions, recognizer: (any TextRecognizer)? = nil) {
        signal(SIGPIPE, SIG_IGN)
        _ = platform_die_with_parent()
        DocumentReader.prepare()
        if recognizer != nil { DocumentReader.prepareDrawing() }
        (self.options, self.recognizer) = (options, recognizer)
    }

    /// Milliseconds without a request.
    private static let idleTimeout: Int32 = 1000

    package func run() {
        var landlock: Int32 = 0
        if options.isSandboxed {
            var limits = sandbox_limits(
                address_space_bytes: options.memoryBytes,
                open_files: 32,
                draws_pages: recognizer == nil ? 0 : 1,
                without_landlock: options.isWithoutLandlock ? 1 : 0,
                broker_plus_one: 1
            )
            guard sandbox_enter(&limits, &landlock) == 0 else { exit(ExitCode.noSandbox) }
        }
        let channel = FrameChannel(descriptor: 0, maximumLength: Self.maximumRequest)
        while exchange(channel, landlock: Int(landlock)) {
            // Memory is kept from one document to the next, and not longer.
            if !channel.isReadable(within: Self.idleTimeout) { poppler_tuning_release_memory() }
        }
    }

    /// False when the parent has closed the socket.
    private func exchange(_ channel: FrameChannel, landlock: Int) -> Bool {
        guard let (frame, attached) = try? channel.receive() else { return false }
        var body = frame
        guard let number = ExchangeNumber(removingFrom: &body) else { return false }
        var reply = respond(to: body, attached, landlock: landlock).encoded
        if let attached { close(attached) }
        number.append(to: &reply)
        return (try? channel.send(reply)) != nil
    }

    private func respond(to body: [UInt8], _ attached: Int32?, landlock: Int) -> ExtractionReply {
        guard let request = try? ExtractionRequest(decoding: body) else {
            return .rejection(Rejection(.crash, "the extractor was sent a request of another version"))
        }
        switch request {
        case .probe:
            return .probed(possible: Int(sandbox_probe()), landlock: landlock)
        case .extract(let hints, let limits):
            guard let attached, let input = MappedFile(descriptor: attached) else {
                return .rejection(
                    Rejection(.memory, "the document does not fit in the extractor's memory limit (EXTRACT_MEMORY_MB)")
                )
            }
            do {
                return .document(
                    try DocumentReader.read(input.bytes, hints: hints, limits: limits, recognizer: recognizer)
                )
            } catch {
                return .rejection(error)
            }
        }
    }
}
