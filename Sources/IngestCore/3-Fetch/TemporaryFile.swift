import CPlatform
import Glibc
import Resilience

/// An unlinked file that only this process can reach; gone when the last reference goes. Owns its descriptor.
package final class TemporaryFile: Sendable {
    package let descriptor: Int32
    /// For reading alone: what a child gets, so that it cannot change what is read next.
    package let readable: Int32

    /// - Parameter folder: where the bytes lie, `TMPDIR` as a rule.
    package init(folder: String) throws(Failure) {
        var readable: Int32 = -1
        descriptor = platform_temporary_file(folder, &readable)
        self.readable = readable
        guard descriptor >= 0 else {
            throw .fleet(
                "no temporary file can be made in \(folder): \(String(cString: strerror(-descriptor))) (TMPDIR)"
            )
        }
    }

    deinit {
        close(descriptor)
        if readable >= 0 { close(readable) }
    }

    /// Succeeds when bytes can be written.
    package func probe() throws(Failure) {
        let bytes = [UInt8](repeating: 0, count: 64 << 10)
        let code = bytes.withUnsafeBytes { write($0) }
        guard code == 0 else { throw .fleet("no bytes can be written: \(String(cString: strerror(code))) (TMPDIR)") }
    }

    /// Appends; errno where that fails.
    package func write(_ bytes: UnsafeRawBufferPointer) -> Int32 {
        var offset = 0
        while offset < bytes.count {
            let count = Glibc.write(descriptor, bytes.baseAddress! + offset, bytes.count - offset)
            if count < 0 {
                if errno == EINTR { continue }
                return errno
            }
            offset += count
        }
        return 0
    }
}
