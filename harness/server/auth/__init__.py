"""Who somebody is: tokens, keys, accounts and sessions, as Supabase Auth keeps them."""
