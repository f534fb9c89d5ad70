extension Metrics {
    /// Distributions: durations in seconds, and shares from 0 to 1.
    package enum Histogram: String, MetricFamily {
        case eventToSearchable = "ingest_event_to_searchable_seconds"
        case messageWait = "ingest_message_wait_seconds"
        case job = "ingest_job_duration_seconds"
        case download = "ingest_download_duration_seconds"
        case extraction = "ingest_extraction_duration_seconds"
        case chunking = "ingest_chunking_duration_seconds"
        case embedding = "ingest_embedding_duration_seconds"
        case bulk = "ingest_bulk_duration_seconds"
        case quality = "ingest_document_quality_ratio"

        package var help: String {
            switch self {
            case .eventToSearchable: "From the sending of an event to the commit of the version that it led to."
            case .messageWait: "From the sending of a message to its receive."
            case .job: "From the receive of a message to its acknowledgement or release."
            case .download: "Reading one object from S3."
            case .extraction: "Extracting the text of one document, the wait for an extractor included."
            case .chunking: "Cutting one document into chunks."
            case .embedding: "Embedding one window of a document's chunks, the wait for the limiter included."
            case .bulk: "Writing one window of a document's chunks to the index."
            case .quality: "How much of a document's text looks like text."
            }
        }

        package var reporters: Reporters {
            switch self {
            case .messageWait, .job: .both
            case .download, .extraction, .chunking, .quality: .ingest
            case .eventToSearchable, .embedding, .bulk: .embed
            }
        }

        var isDuration: Bool { rawValue.hasSuffix("_seconds") }

        /// Upper bounds of the buckets, without the last, which is infinite.
        package var bounds: [Double] {
            isDuration
                ? [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 21_600]
                : [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1]
        }
    }

    /// One histogram's counts since the start, and a sample of the observations since the last report.
    struct Distribution: Sendable {
        private(set) var counts: [Int]
        private(set) var sum = 0.0
        private(set) var total = 0
        private var sample: [Double] = []
        private var seen = 0
        private let bounds: [Double]

        /// As many values as one metric of an EMF line may have (CloudWatch, "Embedded metric format specification").
        private static let maximumSample = 100

        init(_ histogram: Histogram) {
            bounds = histogram.bounds
            counts = [Int](repeating: 0, count: bounds.count + 1)
        }

        mutating func observe(_ value: Double) {
            counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
            sum += value
            total += 1
            seen += 1
            if sample.count < Self.maximumSample {
                sample.append(value)
            } else {
                // Any observation has the same chance to stay; the generator needs no quality.
                let place = Int((UInt64(seen) &* 0x9E37_79B9_7F4A_7C15) >> 33) % seen
                if place < sample.count { sample[place] = value }
            }
        }

        mutating func takeSample() -> [Double] {
            defer { (sample, seen) = ([], 0) }
            return sample
        }
    }
}
