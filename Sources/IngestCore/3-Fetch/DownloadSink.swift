import FoundationEssentials
import Glibc
import HTTPTransport

/// Streams an object into a file and checks what the server said of it: length, and the checksum where there is one for the whole object.
///
/// Unchecked: the transport's thread fills it, and it is read after the request has ended.
final class DownloadSink: BodySink, @unchecked Sendable {
    enum Refusal: Equatable {
        case tooLarge(Int)
        case disk(Int32)
    }

    let file: TemporaryFile
    private let maximumBytes: Int
    private(set) var received = 0
    private(set) var refusal: Refusal?
    private(set) var etag: String?
    private var expectedBytes: Int?
    private var checksum: RunningChecksum?

    init(file: TemporaryFile, maximumBytes: Int) {
        self.file = file
        self.maximumBytes = maximumBytes
    }

    func begin(_ headers: HTTPHeaders) -> Bool {
        expectedBytes = headers["content-length"].flatMap(Int.init)
        etag = headers["etag"]
        if let expectedBytes, expectedBytes > maximumBytes {
            refusal = .tooLarge(expectedBytes)
            return false
        }
        checksum = RunningChecksum(headers)
        return true
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Bool {
        received += bytes.count
        if received > maximumBytes {
            refusal = .tooLarge(received)
            return false
        }
        let code = file.write(bytes)
        if code != 0 {
            refusal = .disk(code)
            return false
        }
        checksum?.update(bytes)
        return true
    }

    /// What is wrong with the bytes, or nil.
    func verify() -> String? {
        if let expectedBytes, expectedBytes != received { return "\(received) of \(expectedBytes) bytes came" }
        if let checksum, !checksum.matches { return "the \(checksum.name) checksum does not fit the bytes" }
        return nil
    }
}

/// The checksum that S3 stored with an object. Composite ones (of the parts, `…-N`) say nothing about the stream.
private struct RunningChecksum {
    private enum Algorithm {
        case crc32(CyclicRedundancyCheck<UInt32>)
        case crc64(CyclicRedundancyCheck<UInt64>)
        case digest(RunningDigest)
    }

    let name: String
    private let expected: String
    private var algorithm: Algorithm

    init?(_ headers: HTTPHeaders) {
        if headers["x-amz-checksum-type"] == "COMPOSITE" { return nil }
        for name in ["crc64nvme", "crc32c", "crc32", "sha256", "sha1"] {
            guard let value = headers["x-amz-checksum-\(name)"], !value.contains("-") else { continue }
            switch name {
            case "crc64nvme": algorithm = .crc64(.crc64nvme)
            case "crc32c": algorithm = .crc32(.crc32c)
            case "crc32": algorithm = .crc32(.crc32)
            default:
                guard let digest = RunningDigest(name) else { continue }
                algorithm = .digest(digest)
            }
            (self.name, expected) = (name, value)
            return
        }
        return nil
    }

    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        switch algorithm {
        case .crc32(var check):
            check.update(bytes)
            algorithm = .crc32(check)
        case .crc64(var check):
            check.update(bytes)
            algorithm = .crc64(check)
        case .digest(let digest): digest.update(bytes)
        }
    }

    var matches: Bool {
        let bytes: [UInt8] =
            switch algorithm {
            case .crc32(let check): check.bytes
            case .crc64(let check): check.bytes
            case .digest(let digest): digest.finish()
            }
        return Data(bytes).base64EncodedString() == expected
    }
}
