//! Events, with the paths to their artifacts.

use crate::domain::graph::{Event, EventWrite, Step};
use crate::pb::{self, event::path::step::Value as SentStep};

/// An event as it is put. An empty step of its path is left out.
pub(crate) fn parse_event(sent: pb::Event) -> EventWrite {
    let steps = sent.path.unwrap_or_default().steps.into_iter();
    EventWrite {
        artifact_id: sent.artifact_id,
        execution_id: sent.execution_id,
        event_type: sent.r#type.unwrap_or_default().into(),
        at: sent.milliseconds_since_epoch,
        path: steps
            .filter_map(|step| {
                step.value.map(|value| match value {
                    SentStep::Index(index) => Step::Index(index),
                    SentStep::Key(key) => Step::Key(key),
                })
            })
            .collect(),
    }
}

/// The message of an event.
pub(crate) fn event_message(event: Event) -> pb::Event {
    let steps = event.path.into_iter().map(|step| pb::event::path::Step {
        value: Some(match step {
            Step::Index(index) => SentStep::Index(index),
            Step::Key(key) => SentStep::Key(key),
        }),
    });
    let steps: Vec<_> = steps.collect();
    pb::Event {
        artifact_id: Some(event.artifact_id.0),
        execution_id: Some(event.execution_id.0),
        path: (!steps.is_empty()).then_some(pb::event::Path { steps }),
        r#type: i32::try_from(event.event_type).ok(),
        milliseconds_since_epoch: Some(event.at),
        system_metadata: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::NodeId;

    #[test]
    fn the_way_keeps_its_order_and_loses_what_says_nothing() {
        let path = vec![Step::Key("model".to_owned()), Step::Index(0), Step::Index(-1)];
        let (artifact_id, execution_id) = (NodeId(1), NodeId(2));
        let mut sent = event_message(Event { artifact_id, execution_id, event_type: 7, at: 5, path: path.clone() });
        sent.path.as_mut().unwrap().steps.insert(1, pb::event::path::Step { value: None });
        let read = parse_event(sent);
        assert_eq!(read.path, path);
        assert_eq!((read.artifact_id, read.execution_id, read.event_type, read.at), (Some(1), Some(2), 7, Some(5)));
    }
}
