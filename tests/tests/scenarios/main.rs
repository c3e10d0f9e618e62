//! Everything a visitor can do at the front door, written once and run on tower and on actix-web.

mod authorization_request;
mod callback;
mod cookie_attributes;
mod forged_sessions;
mod guards;
mod initiators;
mod large_sessions;
mod lifetimes;
mod login;
mod provider_trouble;
mod refresh;
mod refresh_trouble;
mod return_to;
mod session_keys;
