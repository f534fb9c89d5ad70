import CPlatform
import CPopplerTuning
import CSandbox
import DocumentExtraction
import ExtractionWire
import Glibc

/// The sandboxed child: reads requests and descriptors from the socket that is its standard input, answers each with one frame.
///
///     document-extractor [--memory-bytes N] [--no-sandbox]
///
/// It ends when the socket closes. Its exit codes tell the parent what went wrong at start (64 usage, 70 no sandbox).
@main
struct DocumentExtractor {
    private static let longestRequest = 1 << 20

    static func main() {
        signal(SIGPIPE, SIG_IGN)
        guard let options = Options(CommandLine.arguments.dropFirst()) else { exit(64) }
        _ = platform_die_with_parent()
        DocumentReader.prepare()
        poppler_tuning_keep()
        var landlock: Int32 = 0
        if options.isSandboxed {
            var limits = sandbox_limits(address_space_bytes: options.memoryBytes, open_files: 32)
            guard sandbox_enter(&limits, &landlock) == 0 else { exit(70) }
        }
        serve(FrameChannel(descriptor: 0, maximumLength: longestRequest), landlock: Int(landlock))
    }

    private static func serve(_ channel: FrameChannel, landlock: Int) {
        while let (body, attached) = try? channel.receive() {
            let reply = answer(body, attached, landlock: landlock)
            if let attached { close(attached) }
            guard (try? channel.send(reply.encoded())) != nil else { return }
        }
    }

    private static func answer(_ body: [UInt8], _ attached: Int32?, landlock: Int) -> ExtractionReply {
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
                return .document(try DocumentReader.read(input.bytes, hints: hints, limits: limits))
            } catch {
                return .rejection(error)
            }
        }
    }
}

private struct Options {
    var memoryBytes: UInt64 = 1 << 30
    var isSandboxed = true

    init?(_ arguments: ArraySlice<String>) {
        var rest = arguments
        while let argument = rest.popFirst() {
            switch argument {
            case "--no-sandbox": isSandboxed = false
            case "--memory-bytes":
                guard let value = rest.popFirst().flatMap(UInt64.init) else { return nil }
                memoryBytes = value
            default: return nil
            }
        }
    }
}

/// The document's bytes, mapped for as long as this value lives.
private struct MappedFile: ~Copyable {
    let bytes: UnsafeRawBufferPointer

    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        guard status.st_size > 0 else {
            bytes = UnsafeRawBufferPointer(start: nil, count: 0)
            return
        }
        let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { return nil }
        bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
    }

    deinit {
        if let base = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: base), bytes.count) }
    }
}
