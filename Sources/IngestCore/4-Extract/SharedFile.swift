import CPlatform
import ExtractionWire
import Glibc

/// Files that a child without Landlock cannot open by itself, as the kernel could not confine it to them: character maps and fonts below /usr and /lib.
enum SharedFile {
    /// The first byte of the child's frame (CSandbox, `sandbox_open_request`); the path follows.
    static let request: UInt8 = 4

    /// Opens the file and sends it: a frame of one byte, an errno, with the descriptor where that is 0.
    static func answer(_ body: [UInt8], on channel: FrameChannel) throws(FrameChannel.Failure) {
        let path = body.dropFirst()
        guard path.first == 0x2F, !path.contains(0), path.count < Int(PATH_MAX) else {
            return try channel.send([UInt8(EACCES)])
        }
        let descriptor = (path + [0]).withUnsafeBytes {
            platform_open_shared($0.baseAddress!.assumingMemoryBound(to: CChar.self))
        }
        guard descriptor >= 0 else { return try channel.send([UInt8(clamping: -descriptor)]) }
        defer { close(descriptor) }
        try channel.send([0], with: descriptor)
    }
}
