//! What `probe` learned about an instance. The answers belong to one address: an instance that has moved may be another
//! build.

use serde::{Serialize, de::DeserializeOwned};

use crate::domain::{InstanceAnswers, InstanceName, Learned};

use super::{
    Journal, JournalError,
    database::Value,
    encoding::{from_name, to_name, to_time},
};

const JOIN_FORM: &str = "join_form";
const REPEATED_JOIN: &str = "repeated_join";
const LEAVE_FORM: &str = "leave_form";
const ABSENT_ROW: &str = "absent_row";
const COLLECTION: &str = "collection";

impl Journal {
    /// The answers about the instance at this address; empty where it was never probed.
    pub async fn instance_answers(
        &self,
        instance: &InstanceName,
        address: &str,
    ) -> Result<InstanceAnswers, JournalError> {
        let sql = "select question, answer, how, learned_at from instance_answers where instance = $1 and address = $2";
        let rows = self.query().await?.rows(sql, [instance.as_str().into(), address.into()]).await?;
        let mut answers = InstanceAnswers::default();
        for row in &rows {
            let answer = StoredAnswer { answer: row.text(1)?, how: row.text(2)?, learned_at: row.number(3)? };
            match row.text(0)?.as_str() {
                JOIN_FORM => answers.join_form = Some(answer.read()?),
                REPEATED_JOIN => answers.repeated_join = Some(answer.read()?),
                LEAVE_FORM => answers.leave_form = Some(answer.read()?),
                ABSENT_ROW => answers.absent_row = Some(answer.read()?),
                COLLECTION => answers.collection = Some(answer.read()?),
                // A later version knows more questions.
                _ => {}
            }
        }
        Ok(answers)
    }

    /// Replaces the answers about the instance at this address: what this probe did not settle is not known any more.
    pub async fn remember_instance_answers(
        &self,
        instance: &InstanceName,
        address: &str,
        answers: &InstanceAnswers,
    ) -> Result<(), JournalError> {
        let InstanceAnswers { join_form, repeated_join, leave_form, absent_row, collection } = answers;
        let rows = [
            stored(JOIN_FORM, join_form.as_ref())?,
            stored(REPEATED_JOIN, repeated_join.as_ref())?,
            stored(LEAVE_FORM, leave_form.as_ref())?,
            stored(ABSENT_ROW, absent_row.as_ref())?,
            stored(COLLECTION, collection.as_ref())?,
        ];
        let rows = rows
            .into_iter()
            .flatten()
            .map(|[question, answer, how, at]| [instance.as_str().into(), address.into(), question, answer, how, at]);
        let mut writer = self.begin_write().await?;
        let sql = "delete from instance_answers where instance = $1 and address = $2";
        writer.execute(sql, [instance.as_str().into(), address.into()]).await?;
        let head = "insert into instance_answers (instance, address, question, answer, how, learned_at)";
        writer.insert(head, rows, "").await?;
        writer.commit().await
    }
}

/// The columns of one answer.
struct StoredAnswer {
    answer: String,
    how: String,
    learned_at: i64,
}

impl StoredAnswer {
    fn read<T: DeserializeOwned>(self) -> Result<Learned<T>, JournalError> {
        let answer = from_name(self.answer, "an answer about an instance")?;
        Ok(Learned { answer, at: to_time(self.learned_at)?, how: self.how })
    }
}

/// Question, answer, evidence and time; `None` without an answer.
fn stored<T: Serialize>(question: &str, learned: Option<&Learned<T>>) -> Result<Option<[Value; 4]>, JournalError> {
    let Some(learned) = learned else { return Ok(None) };
    let answer = to_name(&learned.answer, "an answer about an instance")?;
    Ok(Some([question.into(), answer.into(), learned.how.as_str().into(), learned.at.timestamp_millis().into()]))
}
