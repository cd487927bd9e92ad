//! What owns the owners of pods: asked for once each.

use std::collections::VecDeque;

use hashbrown::HashMap;
use k8s_openapi::api::{apps::v1::ReplicaSet, batch::v1::Job};
use kube::{Api, Client, Resource, core::PartialObjectMeta};
use serde::de::DeserializeOwned;

use super::super::{Owner, OwnerKind, Pod};

/// Most answers that are remembered, and questions that wait.
const CAPACITY: usize = 4096;

/// An owner that may itself be owned.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    kind: OwnerKind,
    namespace: Box<str>,
    name: Box<str>,
}

/// Questions with who asks, and answers.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// `None` where it is known that there is no such owner.
    answers: HashMap<Question, Option<Owner>>,
    waiting: VecDeque<(Question, Vec<Box<str>>)>,
    refused: u64,
}

impl Owners {
    /// What owns the pod's owner, if that is known; otherwise it is asked for in its turn.
    pub(super) fn of(&mut self, pod: &Pod) -> Option<Owner> {
        let [owner] = pod.owners.as_slice() else { return None };
        if !matches!(owner.kind, OwnerKind::ReplicaSet | OwnerKind::Job) {
            return None;
        }
        let namespace = pod.namespace.clone()?;
        let question = Question { kind: owner.kind, namespace, name: owner.name.clone() };
        if let Some(answer) = self.answers.get(&question) {
            return answer.clone();
        }
        let is_full = self.waiting.len() >= CAPACITY;
        match self.waiting.iter_mut().find(|(waiting, _)| *waiting == question) {
            Some((_, pods)) => pods.push(pod.pod_uid.clone()),
            None if is_full => self.refused += 1,
            None => self.waiting.push_back((question, vec![pod.pod_uid.clone()])),
        }
        None
    }

    /// The question whose turn it is.
    pub(super) fn next(&self) -> Option<Question> {
        self.waiting.front().map(|(question, _)| question.clone())
    }

    /// The answer to a question: which pods it is for. A failure is no answer, and the question goes to the end.
    pub(super) fn answer(
        &mut self,
        question: &Question,
        answer: Result<Option<Owner>, kube::Error>,
    ) -> (Vec<Box<str>>, Option<Owner>) {
        let Some(place) = self.waiting.iter().position(|(waiting, _)| waiting == question) else {
            return (Vec::new(), None);
        };
        let Some((question, pods)) = self.waiting.remove(place) else { return (Vec::new(), None) };
        match answer {
            Ok(owner) => {
                if self.answers.len() >= CAPACITY {
                    // Rare: as many ReplicaSets must have come and gone on one node.
                    self.answers.clear();
                }
                self.answers.insert(question, owner.clone());
                (pods, owner)
            }
            // Without the right to ask, asking again is of no use until the next change of the pod.
            Err(kube::Error::Api(status)) if status.code == 403 => (Vec::new(), None),
            Err(_) => {
                self.waiting.push_back((question, pods));
                (Vec::new(), None)
            }
        }
    }
}

/// Asks the API server. An owner that has gone has no owner.
pub(super) async fn ask(
    client: Client,
    question: Question,
) -> (Question, Result<Option<Owner>, kube::Error>) {
    let answer = match question.kind {
        OwnerKind::ReplicaSet => controller::<ReplicaSet>(client, &question).await,
        OwnerKind::Job => controller::<Job>(client, &question).await,
        _ => Ok(None),
    };
    (question, answer)
}

async fn controller<K>(client: Client, question: &Question) -> Result<Option<Owner>, kube::Error>
where
    K: Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>
        + Clone
        + DeserializeOwned
        + std::fmt::Debug,
{
    let api: Api<PartialObjectMeta<K>> = Api::namespaced(client, &question.namespace);
    let Some(object) = api.get_opt(&question.name).await? else { return Ok(None) };
    let references = object.metadata.owner_references.unwrap_or_default();
    let controller = references.into_iter().find(|reference| reference.controller == Some(true));
    Ok(controller
        .and_then(|found| Some(Owner { kind: OwnerKind::parse(&found.kind)?, name: found.name.into() })))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(number: usize, set: &str) -> Pod {
        Pod {
            pod_uid: format!("uid-{number}").into(),
            namespace: Some("shop".into()),
            owners: vec![Owner { kind: OwnerKind::ReplicaSet, name: set.into() }],
            ..Pod::default()
        }
    }

    #[test]
    fn pods_of_one_owner_ask_once_and_all_get_the_answer() {
        let mut owners = Owners::default();
        assert_eq!(owners.of(&pod(1, "web-1")), None);
        assert_eq!(owners.of(&pod(2, "web-1")), None);
        let question = owners.next().expect("a question");
        let deployment = Owner { kind: OwnerKind::Deployment, name: "web".into() };
        let (pods, owner) = owners.answer(&question, Ok(Some(deployment.clone())));
        assert_eq!((pods.len(), owner), (2, Some(deployment.clone())));
        assert_eq!((owners.next(), owners.of(&pod(3, "web-1"))), (None, Some(deployment)));
    }

    #[test]
    fn a_question_that_failed_is_asked_again_after_the_others() {
        let mut owners = Owners::default();
        let _ = (owners.of(&pod(1, "web-1")), owners.of(&pod(2, "web-2")));
        let first = owners.next().expect("a question");
        let _ = owners.answer(&first, Err(kube::Error::LinesCodecMaxLineLengthExceeded));
        assert_ne!(owners.next(), Some(first.clone()));
        assert_eq!(owners.waiting.back().map(|(question, _)| question), Some(&first));
    }

    #[test]
    fn questions_are_bounded_and_what_that_cost_is_counted() {
        let mut owners = Owners::default();
        for number in 0..=CAPACITY {
            let _ = owners.of(&pod(number, &format!("web-{number}")));
        }
        assert_eq!((owners.waiting.len(), owners.refused), (CAPACITY, 1));
    }
}
