import AsyncPrimitives
import Glibc

/// Lines to standard error, written by a thread of its own: a slow reader costs lines, which are counted, and never holds up work.
///
/// Unchecked: `lines` synchronizes, the rest is constant.
package final class StandardErrorLog: LogSink, @unchecked Sendable {
    private let lines = BlockingQueue<[UInt8]>()
    private let waiting = LockedValue((count: 0, dropped: 0))
    private let asJSON: Bool
    private var thread = pthread_t()
    private static let capacity = 10_000

    /// - Parameter asJSON: nil chooses text on a terminal and JSON elsewhere.
    package init(asJSON: Bool? = nil) {
        self.asJSON = asJSON ?? (isatty(STDERR_FILENO) == 0)
        pthread_create(
            &thread,
            nil,
            { argument in
                Unmanaged<StandardErrorLog>.fromOpaque(argument!).takeRetainedValue().drain()
                return nil
            },
            Unmanaged.passRetained(self).toOpaque()
        )
    }

    package func write(_ line: LogLine) {
        let isTaken = waiting.withLock { waiting in
            if waiting.count >= Self.capacity {
                waiting.dropped += 1
                return false
            }
            waiting.count += 1
            return true
        }
        if isTaken { lines.put(asJSON ? line.json : line.text) }
    }

    /// Lines that were dropped.
    package var dropped: Int { waiting.withLock { $0.dropped } }

    /// Writes what is left and ends the thread. Nothing may be logged after.
    package func close() {
        lines.close()
        pthread_join(thread, nil)
    }

    private func drain() {
        while let line = lines.take() {
            waiting.withLock { $0.count -= 1 }
            var offset = 0
            while offset < line.count {
                let count = line.withUnsafeBytes {
                    Glibc.write(STDERR_FILENO, $0.baseAddress! + offset, line.count - offset)
                }
                if count < 0, errno != EINTR { break }
                offset += max(0, count)
            }
        }
    }
}
