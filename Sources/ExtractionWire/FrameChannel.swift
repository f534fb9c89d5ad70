import CPlatform
import Glibc

/// Frames over a stream socket: a 32-bit little-endian length, then the body.
///
/// Blocking, for threads that may block. The descriptor stays the caller's.
package struct FrameChannel {
    package enum Failure: Error, Equatable {
        case closed
        case timedOut
        case tooLong(Int)
        case system(Int32)
    }

    package let descriptor: Int32
    /// The longest body that is taken from the other side.
    package let maximumLength: Int

    package init(descriptor: Int32, maximumLength: Int) {
        self.descriptor = descriptor
        self.maximumLength = maximumLength
    }

    /// Sends a frame, and a descriptor with its first byte where one is given.
    package func send(_ body: [UInt8], with attached: Int32? = nil) throws(Failure) {
        var frame = withUnsafeBytes(of: UInt32(body.count).littleEndian) { Array($0) }
        frame.append(contentsOf: body)
        var sent = 0
        while sent < frame.count {
            let count = frame.withUnsafeBytes { buffer in
                let rest = buffer.baseAddress! + sent
                if sent == 0, let attached { return platform_send_descriptor(descriptor, rest, frame.count, attached) }
                // write, not send: the sandboxed side is allowed nothing else (it ignores SIGPIPE)
                let written = write(descriptor, rest, frame.count - sent)
                return written < 0 ? -Int(errno) : written
            }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw count == -Int(EPIPE) ? .closed : .system(Int32(-count)) }
            sent += count
        }
    }

    /// Receives a frame and a descriptor that came with its first byte. Without a deadline it waits for ever.
    package func receive(deadline: ContinuousClock.Instant? = nil) throws(Failure) -> (body: [UInt8], attached: Int32?)
    {
        var attached: Int32 = -1
        var header: [UInt8] = [0, 0, 0, 0]
        try fill(&header, attached: &attached, deadline: deadline)
        let length = header.reversed().reduce(0) { $0 << 8 | Int($1) }
        guard length <= maximumLength else {
            if attached >= 0 { close(attached) }
            throw .tooLong(length)
        }
        var body = [UInt8](repeating: 0, count: length)
        do {
            try fill(&body, attached: nil, deadline: deadline)
        } catch {
            if attached >= 0 { close(attached) }
            throw error
        }
        return (body, attached >= 0 ? attached : nil)
    }

    private func fill(
        _ bytes: inout [UInt8],
        attached: UnsafeMutablePointer<Int32>?,
        deadline: ContinuousClock.Instant?
    ) throws(Failure) {
        var received = 0
        let expected = bytes.count
        while received < expected {
            if let deadline { try wait(until: deadline) }
            let count = bytes.withUnsafeMutableBytes { buffer in
                let rest = buffer.baseAddress! + received
                if let attached {
                    var descriptor: Int32 = -1
                    let count = platform_receive_descriptor(self.descriptor, rest, expected - received, &descriptor)
                    if descriptor >= 0 { attached.pointee = descriptor }
                    return count
                }
                let count = read(self.descriptor, rest, expected - received)
                return count < 0 ? -Int(errno) : count
            }
            if count == -Int(EINTR) { continue }
            guard count > 0 else { throw count == 0 || count == -Int(ECONNRESET) ? .closed : .system(Int32(-count)) }
            received += count
        }
    }

    /// Whether something can be read, or the other side has ended, within `milliseconds`.
    package func isReadable(within milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        return poll(&entry, 1, milliseconds) != 0
    }

    private func wait(until deadline: ContinuousClock.Instant) throws(Failure) {
        while true {
            let left = deadline - .now
            guard left > .zero else { throw .timedOut }
            let milliseconds = left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1
            var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let ready = poll(&entry, 1, Int32(clamping: milliseconds))
            if ready > 0 { return }
            if ready < 0, errno != EINTR { throw .system(errno) }
        }
    }
}
