import CZlib
import ExtractionWire

/// zlib's inflate over a whole buffer, piece by piece. Owns the stream.
final class InflateStream {
    enum State {
        case more
        case end
        /// The packed bytes are damaged or end too early, after the piece.
        case damaged
    }

    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    private var left: Int

    /// - Parameters:
    ///   - windowBits: as `inflateInit2` takes it: 31 for gzip, 15 for zlib, -15 for the bare stream.
    ///   - packed: has to outlive the stream.
    init(windowBits: Int32, _ packed: UnsafeRawBufferPointer) throws(Rejection) {
        stream.initialize(to: z_stream())
        left = packed.count
        guard czlib_inflate(stream, windowBits) == Z_OK else {
            stream.deallocate()
            room.deallocate()
            throw Rejection(.memory, "no memory to unpack the document")
        }
        stream.pointee.next_in = UnsafeMutablePointer(mutating: packed.bindMemory(to: UInt8.self).baseAddress)
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        room.deallocate()
    }

    /// The next bytes, which are there until the next call, and what follows them.
    func next() -> (piece: UnsafeRawBufferPointer, state: State) {
        if stream.pointee.avail_in == 0 {
            stream.pointee.avail_in = UInt32(min(left, 1 << 30))
            left -= Int(stream.pointee.avail_in)
        }
        stream.pointee.next_out = room.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(room.count)
        let code = inflate(stream, Z_NO_FLUSH)
        let piece = UnsafeRawBufferPointer(rebasing: room[..<(room.count - Int(stream.pointee.avail_out))])
        return (piece, code == Z_OK ? .more : code == Z_STREAM_END ? .end : .damaged)
    }

    /// gzip files may have several members, one behind the other (RFC 1952 §2.2). True where another one follows, which is read from now on.
    func beginMember() -> Bool {
        let input = stream.pointee
        return input.avail_in > 2 && input.next_in[0] == 0x1F && input.next_in[1] == 0x8B
            && inflateReset(stream) == Z_OK
    }
}
