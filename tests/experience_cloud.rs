//! The client of Experience Cloud against the sandbox, over real HTTP: disturb one thing, read, look at the outcome and
//! at the log of requests.
#![expect(clippy::expect_used, clippy::panic, reason = "in a test a panic is the message")]

#[path = "experience_cloud/first_pages.rs"]
mod first_pages;
#[path = "support/organization.rs"]
mod organization;
#[path = "experience_cloud/patience.rs"]
mod patience;
#[path = "experience_cloud/profile_members.rs"]
mod profile_members;
#[path = "experience_cloud/single_users.rs"]
mod single_users;
#[path = "experience_cloud/snapshots.rs"]
mod snapshots;
#[path = "experience_cloud/stage.rs"]
mod stage;
#[path = "experience_cloud/wrong_answers.rs"]
mod wrong_answers;
