import Observability
import Resilience

extension ActiveSpan {
    /// In the names of OpenTelemetry's semantic conventions for messaging.
    func describe(_ job: WorkLoop.Job) {
        set("messaging.system", "aws_sqs")
        set("messaging.operation.type", "process")
        set("messaging.message.id", job.first.messageID)
        set("messaging.batch.message_count", job.deliveries.count)
        set("ingest.receive_count", job.first.receiveCount)
        if let objects = job.metadata["object"] { set("ingest.object", objects) }
    }

    func describe(_ ending: WorkLoop.JobEnding) {
        set("ingest.outcome", ending.name)
        switch ending {
        case .outcome(.retry(let reason, _)): fail(reason)
        case .outcome(.blocked(let failure)): fail(failure.summary)
        case .leaseLost: fail("visibility timeout lost")
        default: break
        }
    }
}

extension WorkLoop.JobEnding {
    var name: String {
        switch self {
        case .outcome(.done): "done"
        case .outcome(.retry): "retry"
        case .outcome(.deadLetter): "dead_letter"
        case .outcome(.blocked): "blocked"
        case .outcome(.park): "park"
        case .outcome(.postpone): "postpone"
        case .outcome(.leave): "leave"
        case .leaseLost: "lease_lost"
        case .stopped: "stopped"
        case .waited: "waited"
        }
    }
}
