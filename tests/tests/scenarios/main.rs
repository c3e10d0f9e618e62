//! Everything a visitor can do at the front door, written once and run on tower and on actix-web.

mod authorization_request;
mod back_channel_logout;
mod callback;
mod configuration;
mod cookie_attributes;
mod forged_sessions;
mod front_channel_logout;
mod guards;
mod initiators;
mod large_sessions;
mod lifetimes;
mod login;
mod logout;
mod logout_races;
mod logouts_of_nodes;
mod lying;
mod nodes;
mod provider_trouble;
mod refresh;
mod refresh_trouble;
mod return_to;
mod revocation;
mod secrets;
mod session_keys;
mod shared_refresh;
mod store_trouble;
