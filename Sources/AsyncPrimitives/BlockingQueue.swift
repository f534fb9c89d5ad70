/// A queue between threads that may block.
///
/// Unchecked: `monitor` synchronizes.
package final class BlockingQueue<Item: Sendable>: @unchecked Sendable {
    private let monitor = Monitor()
    private var items: [Item] = []
    private var isClosed = false

    package init() {}

    package func put(_ item: Item) {
        monitor.locked {
            items.append(item)
            monitor.signal()
        }
    }

    /// The next item; nil when the queue is closed and empty.
    package func take() -> Item? {
        monitor.locked {
            while items.isEmpty, !isClosed { monitor.wait() }
            return items.isEmpty ? nil : items.removeFirst()
        }
    }

    package func close() {
        monitor.locked {
            isClosed = true
            monitor.signal()
        }
    }
}
