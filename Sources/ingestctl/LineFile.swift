import Glibc
import Resilience

/// A file of lines that is written from some place on.
final class LineWriter {
    private let path: String
    private let descriptor: Int32
    private(set) var bytes: Int

    /// - Parameter start: how many bytes of it count; the rest is cut off.
    init(_ path: String, from start: Int) throws(Failure) {
        self.path = path
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        bytes = start
        guard descriptor >= 0, ftruncate(descriptor, start) == 0, lseek(descriptor, 0, SEEK_END) >= 0 else {
            throw .fleet("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    func write(_ lines: [UInt8]) throws(Failure) {
        var rest = lines[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { throw .fleet("\(path) cannot be written: \(String(cString: strerror(errno)))") }
            rest = rest.dropFirst(count)
        }
        bytes += lines.count
    }

    func flush() throws(Failure) {
        guard fsync(descriptor) == 0 else {
            throw .fleet("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }
}

/// Reads a file line by line.
final class LineReader {
    private let path: String
    private let descriptor: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private static let chunk = 1 << 20
    /// A chunk's text and a vector of 16,000 numbers have less.
    private static let longestLine = 64 << 20

    init(_ path: String) throws(Failure) {
        self.path = path
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .fleet("\(path) cannot be read: \(String(cString: strerror(errno)))") }
    }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Nil at the end.
    func next() throws(Failure) -> ArraySlice<UInt8>? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                return buffer[start..<end]
            }
            searched = buffer.count - start
            buffer.removeFirst(start)
            start = 0
            guard buffer.count < Self.longestLine else { throw .fleet("\(path) has a line of more than 64 MB") }
            var more = [UInt8](repeating: 0, count: Self.chunk)
            let count = read(descriptor, &more, more.count)
            guard count >= 0 else { throw .fleet("\(path) cannot be read: \(String(cString: strerror(errno)))") }
            guard count > 0 else {
                defer { (buffer, start) = ([], 0) }
                return buffer.isEmpty ? nil : buffer[...]
            }
            buffer += more[..<count]
        }
    }
}
